//! Reads an article from the content source.

use super::ArticleView;
use crate::data::{answer, failure::Failure, section::name_of, source::ContentSource};
use futures::try_join;

pub(super) async fn article(slug: &str) -> Result<Option<ArticleView>, Failure> {
    let source = ContentSource::for_visitor();
    let (article, sections) = try_join!(source.article(slug), source.sections())
        .map_err(|error| answer::unavailable(&error))?;
    Ok(article.map(|article| ArticleView {
        section_name: name_of(&article.section, &sections).to_owned(),
        rendered_at: answer::now(),
        article,
    }))
}
