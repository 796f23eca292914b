//! Puts the wanted files of `/etc` in place.
//!
//! Invariant: a status never names a version whose content readers do not see.
//!
//! A file that nobody wants any more keeps its last content until the next boot: something reads it,
//! and no content is a worse answer than an old one.

use std::collections::HashMap;
use std::sync::Arc;

use ichor_controller::{Controller, Ctx, Input, Output, ReconcileError};
use ichor_resource::specs::files::{EtcFileSpec, EtcFileStatus};
use ichor_resource::{Phase, Version};
use jiff::Timestamp;

use crate::etc::EtcError;

/// Puts content in place: [`crate::etc::Etc`] in production, a list of calls in tests.
pub(crate) trait EtcFiles: Send + Sync + 'static {
    fn apply(&self, name: &str, contents: &[u8], mode: u32) -> Result<(), EtcError>;
}

impl EtcFiles for crate::etc::Etc {
    fn apply(&self, name: &str, contents: &[u8], mode: u32) -> Result<(), EtcError> {
        crate::etc::Etc::apply(self, name, contents, mode)
    }
}

#[derive(Debug)]
pub(crate) struct EtcFileController<F> {
    files: Arc<F>,
    /// What this process has put in place; a restart writes everything once more. Versions begin
    /// again with a spec that is made anew, times of creation do not.
    applied: HashMap<String, (Timestamp, Version)>,
}

impl<F: EtcFiles> EtcFileController<F> {
    pub(crate) fn new(files: F) -> Self {
        Self {
            files: Arc::new(files),
            applied: HashMap::new(),
        }
    }
}

impl<F: EtcFiles> Controller for EtcFileController<F> {
    const NAME: &'static str = "files.EtcFileController";

    fn inputs(&self) -> Vec<Input> {
        vec![Input::weak::<EtcFileSpec>()]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![Output::exclusive::<EtcFileStatus>()]
    }

    async fn reconcile(&mut self, cx: &Ctx) -> Result<(), ReconcileError> {
        let mut failure = None;
        for spec in cx.list::<EtcFileSpec>().await? {
            if spec.phase() == Phase::TearingDown {
                continue;
            }
            let version = spec.metadata.version;
            let present = (spec.metadata.created, version);
            if self.applied.get(spec.id()) != Some(&present) {
                let (contents, mode) = (spec.value().contents.as_ref(), spec.value().mode);
                if let Err(error) = self.files.apply(spec.id(), contents, mode) {
                    failure.get_or_insert(error);
                    continue;
                }
                self.applied.insert(spec.id().to_owned(), present);
            }
            let status = EtcFileStatus {
                spec_version: version.to_string(),
            };
            cx.upsert(spec.id(), status).await?;
        }
        // After the others: each of them stands for itself.
        failure.map_or(Ok(()), |error| Err(ReconcileError::other(error)))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use ichor_controller::Runtime;
    use ichor_controller::testing::tick;
    use ichor_resource::{Resource, Spec};
    use ichor_state::{MemoryState, State, StateExt};
    use tokio_util::sync::CancellationToken;

    use super::*;

    #[derive(Clone, Default)]
    struct Calls(Arc<Mutex<Vec<String>>>);

    impl EtcFiles for Calls {
        fn apply(&self, name: &str, contents: &[u8], _mode: u32) -> Result<(), EtcError> {
            if name == "absent" {
                return Err(EtcError::NoPlace { path: name.into() });
            }
            let text = String::from_utf8_lossy(contents);
            self.0.lock().unwrap().push(format!("{name}: {text}"));
            Ok(())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_file_that_has_no_place_stops_no_other() {
        let (state, calls) = (Arc::new(MemoryState::new()), Calls::default());
        let mut runtime = Runtime::new(Arc::clone(&state) as Arc<dyn State>);
        runtime
            .register(EtcFileController::new(calls.clone()))
            .unwrap();
        for name in ["absent", "motd"] {
            let spec = EtcFileSpec {
                contents: b"x".to_vec(),
                mode: 0o644,
                selinux_label: String::new(),
            };
            let made = state.upsert(Resource::new(name, spec), "test").await;
            made.unwrap();
        }
        let stop = CancellationToken::new();
        let running = tokio::spawn(runtime.run(stop.clone()));
        tick().await;
        assert_eq!(*calls.0.lock().unwrap(), ["motd: x"]);
        stop.cancel();
        running.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn every_content_is_put_in_place_once() {
        let (state, calls) = (Arc::new(MemoryState::new()), Calls::default());
        let mut runtime = Runtime::new(Arc::clone(&state) as Arc<dyn State>);
        runtime
            .register(EtcFileController::new(calls.clone()))
            .unwrap();
        let stop = CancellationToken::new();
        let running = tokio::spawn(runtime.run(stop.clone()));
        let put = async |text: &str| {
            let spec = EtcFileSpec {
                contents: text.as_bytes().to_vec(),
                mode: 0o644,
                selinux_label: String::new(),
            };
            state.upsert(Resource::new("motd", spec), "test").await
        };
        for text in ["one", "two", "two"] {
            put(text).await.unwrap();
            tick().await;
        }
        let pointer = EtcFileSpec::pointer("motd");
        state.destroy(&pointer, "test").await.unwrap();
        put("two").await.unwrap();
        put("three").await.unwrap();
        tick().await;
        assert_eq!(
            *calls.0.lock().unwrap(),
            ["motd: one", "motd: two", "motd: three"]
        );
        stop.cancel();
        running.await.unwrap();
    }
}
