//! Whether an answer is one that the server may give.

use std::{io, time::Duration};

use super::model::{First, Least, Model};
use crate::{
    client::{Client, Reply},
    sealed::unseal,
    versions::{PAGES, Versions},
};

/// How an answer came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    Fresh,
    /// From the store although it was purged.
    Purged,
    /// Rendered for this request; no page was stored.
    Miss,
    /// Rendered for this request, for the stored page was purged hard.
    Expired,
}

/// Asks for a page once, as any visitor.
pub(super) async fn page(model: &Model, client: &mut Client, page: usize) -> io::Result<()> {
    ask(model, client, page).await.map(drop)
}

/// How long a purge may take to be heard by another server.
const HEARD: Duration = Duration::from_secs(1);

/// Asks for a page once, when all servers have heard of what was acknowledged before.
pub(super) async fn late(model: &Model, client: &mut Client, page: usize) -> io::Result<()> {
    let least = model.least(page);
    tokio::time::sleep(HEARD).await;
    ask_for(model, client, page, least).await.map(drop)
}

/// Asks for every page right after a start, and waits until each is fresh.
pub(super) async fn every_page(model: &Model, port: u16) -> io::Result<()> {
    let mut client = Client::connect(port).await?;
    for page in 0..PAGES {
        let first = model.first(page);
        let Some(mut how) = ask(model, &mut client, page).await? else { continue };
        let is_right = match first {
            First::Anything => true,
            First::Miss => how == How::Miss,
            First::NoMiss => how != How::Miss,
            First::Hit => matches!(how, How::Fresh | How::Purged),
            First::FreshHit => how == How::Fresh,
        };
        if !is_right {
            model.broken(format!("/p/{page} right after a start: {how:?} instead of {first:?}"));
        }
        // Regenerated behind the first visitor.
        for wait in 0.. {
            if how != How::Purged {
                break;
            }
            if wait == 1000 {
                model.broken(format!("/p/{page} was not regenerated within 5 s"));
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
            how = ask(model, &mut client, page).await?.unwrap_or(How::Purged);
        }
    }
    Ok(())
}

async fn ask(model: &Model, client: &mut Client, page: usize) -> io::Result<Option<How>> {
    ask_for(model, client, page, model.least(page)).await
}

async fn ask_for(
    model: &Model,
    client: &mut Client,
    page: usize,
    least: Least,
) -> io::Result<Option<How>> {
    let reply = client.get(&format!("/p/{page}")).await?;
    let judged = judge(&reply, page, least);
    let how = judged.as_ref().ok().copied();
    model.checked(judged.map(drop).map_err(|problem| {
        format!("/p/{page}: {problem} (status {}, {})", reply.status, reply.cache_status)
    }));
    Ok(how)
}

fn judge(reply: &Reply, page: usize, least: Least) -> Result<How, String> {
    if reply.status != 200 {
        let text = String::from_utf8_lossy(&reply.body);
        return Err(format!("no page: {}", text.chars().take(80).collect::<String>()));
    }
    let first = unseal(&reply.body).ok_or("the page is not whole")?;
    let versions = first.strip_prefix(&format!("page={page} versions="));
    let versions: Versions = versions.ok_or("another page")?.trim().parse()?;
    let status = reply.cache_status.as_str();
    let how = match status {
        _ if status.contains("stale-if-error") => return Err("a render failed".to_owned()),
        _ if status.starts_with("isr; hit") && status.contains("detail=purged") => How::Purged,
        _ if status.starts_with("isr; hit") => How::Fresh,
        _ if status.starts_with("isr; fwd=miss") => How::Miss,
        _ if status.starts_with("isr; fwd=stale") => How::Expired,
        _ => return Err("an answer of no kind".to_owned()),
    };
    let least = if how == How::Purged { least.stale } else { least.fresh };
    match versions.are_at_least(least) {
        true => Ok(how),
        false => Err(format!("{how:?} with versions {versions} after {least} were acknowledged")),
    }
}
