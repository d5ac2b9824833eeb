//! What routes declare: how long their pages live, and which pages there are.

pub(crate) mod isr;
#[cfg(feature = "ssr")]
pub(crate) mod overrides;
#[cfg(feature = "ssr")]
pub(crate) mod pattern;
#[cfg(feature = "ssr")]
pub(crate) mod policy;
#[cfg(feature = "ssr")]
pub(crate) mod routes;
#[cfg(not(feature = "ssr"))]
#[path = "static_mode_browser.rs"]
mod static_mode;
#[cfg(feature = "ssr")]
pub(crate) mod static_mode;
#[cfg(feature = "ssr")]
pub(crate) mod target;

pub use self::isr::{Isr, OnMissing, PathList, PathParams};
#[cfg(feature = "ssr")]
pub use self::{
    policy::{Lifetime, Policy},
    routes::{DeclaredRoute, RouteTable},
};
