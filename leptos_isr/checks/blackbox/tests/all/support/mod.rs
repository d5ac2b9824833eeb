//! The app as a process, and the source that it reads from.

mod built;
mod cms;
mod page;
mod site;

pub(crate) use self::{
    built::built,
    cms::{Answer, Cms},
    page::Page,
    site::{Server, Site},
};
