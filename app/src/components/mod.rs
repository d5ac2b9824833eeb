//! Parts that pages are made of. Each draws what it is given.

pub(crate) mod article_card;
pub(crate) mod article_form;
pub(crate) mod byline;
pub(crate) mod draft_bar;
pub(crate) mod footer;
pub(crate) mod head;
pub(crate) mod header;
pub(crate) mod page_links;
pub(crate) mod section_nav;
pub(crate) mod server_form;
pub(crate) mod sign_in_form;
