//! A new build of the server while a page of the old one is open.
//!
//! - An engine that knows its build names it in `x-isr-build` on each answer, and each document
//!   names it in a `<meta name="isr-build">`, written by [`BuildMeta`].
//! - Server functions that read with [`IsrClient`] compare the two. Where they differ, the browser
//!   loads the address that the router is at: the answer may have another form by now, the function
//!   may be gone, and so may the scripts that the open page has not loaded yet.

mod answer;
#[cfg(any(test, not(feature = "ssr")))]
mod loads;
#[cfg(not(feature = "ssr"))]
#[path = "browser.rs"]
mod page;
#[cfg(feature = "ssr")]
#[path = "server.rs"]
mod page;

#[cfg(feature = "ssr")]
pub(crate) use self::page::Build;
#[cfg(not(feature = "ssr"))]
pub(super) use self::page::is_of_another;

use std::future::pending;

use futures::{Sink, Stream};
use leptos::{
    prelude::*,
    server_fn::{
        Bytes,
        client::{Client, browser::BrowserClient},
        error::FromServerFnError,
        request::browser::BrowserRequest,
    },
};

use self::{answer::IsrResponse, page::Page};
use crate::wire;

/// Names the build that drew the document, for [`IsrClient`].
///
/// Put it in the `<head>` of the shell. It draws nothing where the engine does not know its build:
/// see `Builder::disk` and `Builder::build_id`.
///
/// # Examples
///
/// ```
/// use leptos::prelude::*;
/// use leptos_isr::page::BuildMeta;
///
/// fn shell(options: LeptosOptions) -> impl IntoView {
///     view! {
///         <!DOCTYPE html>
///         <html>
///             <head><BuildMeta/><HydrationScripts options/></head>
///             <body>"The app"</body>
///         </html>
///     }
/// }
/// # let _ = shell;
/// ```
#[component]
pub fn BuildMeta() -> impl IntoView {
    page::build().map(|build| view! { <meta name="isr-build" content=build/> })
}

/// Sends the requests of a server function, and loads the page again when another build of the
/// server answers.
///
/// It is for server functions that pages read with: `input = GetUrl, client = IsrClient`. A visitor
/// who follows a link after a new build has gone live gets the linked page by a full load instead
/// of an error. An open page that reads again is loaded again. The shell needs [`BuildMeta`]:
/// without it, and where the answer names no build, this client does what Leptos's own client does.
///
/// The answer is used as it is, and nothing is loaded,
///
/// - if the request was not a `GET`: what was sent may have been done;
/// - if the page would be loaded in its own place while one of its fields holds text that was typed
///   and not sent;
/// - if the browser tab has loaded this address before because these two builds differed: then both
///   are serving side by side. The tab remembers this in its `sessionStorage`; where that is
///   switched off, nothing is loaded.
///
/// A link to a page that reads nothing is followed without a load, since the server is not asked.
///
/// # Examples
///
/// ```
/// use leptos::{prelude::*, server_fn::codec::GetUrl};
/// use leptos_isr::page::IsrClient;
///
/// #[server(input = GetUrl, client = IsrClient)]
/// async fn read_article(slug: String) -> Result<String, ServerFnError> {
///     Ok(format!("The text of {slug}"))
/// }
/// # let _ = read_article;
/// ```
#[derive(Clone, Copy, Debug)]
pub struct IsrClient;

impl<E, I, O> Client<E, I, O> for IsrClient
where
    E: FromServerFnError,
    I: FromServerFnError,
    O: FromServerFnError,
{
    type Request = BrowserRequest;
    type Response = IsrResponse;

    fn send(request: BrowserRequest) -> impl Future<Output = Result<IsrResponse, E>> + Send {
        let page = Page::asking(request.method().as_str());
        async move {
            let answer = IsrResponse::to(request).await?;
            if answer.header(wire::BUILD).is_some_and(|build| page.is_left_for(&build)) {
                // What is shown stays until the new document takes its place.
                pending::<()>().await;
            }
            Ok(answer)
        }
    }

    fn open_websocket(
        path: &str,
    ) -> impl Future<
        Output = Result<
            (
                impl Stream<Item = Result<Bytes, Bytes>> + Send + 'static,
                impl Sink<Bytes> + Send + 'static,
            ),
            E,
        >,
    > + Send {
        <BrowserClient as Client<E, I, O>>::open_websocket(path)
    }

    fn spawn(future: impl Future<Output = ()> + Send + 'static) {
        <BrowserClient as Client<E, I, O>>::spawn(future);
    }
}
