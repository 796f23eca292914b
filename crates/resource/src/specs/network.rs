//! Links, addresses, routes, names and the operators that configure them.

mod address;
mod link;
mod link_enums;
mod link_kinds;
mod names;
mod operator;
mod route;

pub use address::*;
pub use link::*;
pub use link_enums::*;
pub use link_kinds::*;
pub use names::*;
pub use operator::*;
pub use route::*;
