//! The app as a process, and the source that it reads from.

mod cms;
mod page;
mod site;

pub(crate) use self::{
    cms::{Answer, Cms},
    page::Page,
    site::{Server, Site},
};
