//! What the fuzz tests call.

use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::protocol::{Answer, Line, Request, encode};

/// A line in either direction.
pub fn frame(input: &[u8]) {
    comes_back::<Request>(input);
    comes_back::<Answer>(input);
}

fn comes_back<T: Serialize + DeserializeOwned + Debug>(input: &[u8]) {
    let Ok(line) = serde_json::from_slice::<Line<T>>(input) else {
        return;
    };
    let shown = format!("{line:?}");
    let again = encode(line.number, line.content);
    let again = again.and_then(|bytes| serde_json::from_slice::<Line<T>>(&bytes));
    assert_eq!(again.map(|line| format!("{line:?}")).ok(), Some(shown));
}
