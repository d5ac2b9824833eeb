//! Reads an article from the content source.

use futures::try_join;
use leptos::prelude::expect_context;

use super::ArticleView;
use crate::data::{answer, failure::Failure, section::name_of, source::ContentSource};

pub(super) async fn article(slug: &str) -> Result<Option<ArticleView>, Failure> {
    let source: ContentSource = expect_context();
    let (article, sections) = try_join!(source.article(slug), source.sections())
        .map_err(|error| answer::unavailable(&error))?;
    Ok(article.map(|article| ArticleView {
        section_name: name_of(&article.section, &sections).to_owned(),
        rendered_at: answer::now(),
        article,
    }))
}
