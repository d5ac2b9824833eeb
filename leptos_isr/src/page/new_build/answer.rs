//! The answer of a server function, in the browser.
//!
//! Leptos's own type builds Rust's `HeaderMap` of all headers to show one. The parsers of that map
//! add 6 kB, compressed, to every app's program.

use std::mem;

use futures::{Stream, StreamExt};
use leptos::{
    server_fn::{
        Bytes,
        error::{FromServerFnError, ServerFnErrorErr},
        redirect::REDIRECT_HEADER,
        request::browser::{BrowserRequest, Request},
        response::{ClientRes, browser::Response},
    },
    wasm_bindgen::JsCast,
    web_sys::js_sys::Uint8Array,
};
use send_wrapper::SendWrapper;
use wasm_streams::ReadableStream;

/// What [`IsrClient`](super::IsrClient) receives. Values exist in browsers only, on one thread.
#[derive(Debug)]
pub struct IsrResponse {
    response: SendWrapper<Response>,
    /// Ends the transfer when it is dropped, so whatever reads the response keeps the whole value.
    _request: BrowserRequest,
}

impl IsrResponse {
    pub(super) fn to<E: FromServerFnError>(
        mut request: BrowserRequest,
    ) -> impl Future<Output = Result<Self, E>> + Send {
        SendWrapper::new(async move {
            // The request can leave the guard that ends the transfer only if another one takes its
            // place.
            let blank = Request::get("").build().map_err(|error| failed(&error))?;
            let sent = mem::replace(&mut *request, blank).send().await;
            let response = SendWrapper::new(sent.map_err(|error| failed(&error))?);
            Ok(Self { response, _request: request })
        })
    }

    pub(super) fn header(&self, name: &str) -> Option<String> {
        self.response.headers().get(name)
    }
}

fn failed<E: FromServerFnError>(error: &impl ToString) -> E {
    E::from_server_fn_error(ServerFnErrorErr::Request(error.to_string()))
}

fn unreadable<E: FromServerFnError>(error: &impl ToString) -> E {
    E::from_server_fn_error(ServerFnErrorErr::Deserialization(error.to_string()))
}

impl<E: FromServerFnError> ClientRes<E> for IsrResponse {
    fn try_into_string(self) -> impl Future<Output = Result<String, E>> + Send {
        SendWrapper::new(async move {
            let answer = self;
            answer.response.text().await.map_err(|error| unreadable(&error))
        })
    }

    fn try_into_bytes(self) -> impl Future<Output = Result<Bytes, E>> + Send {
        SendWrapper::new(async move {
            let answer = self;
            answer.response.binary().await.map(Bytes::from).map_err(|error| unreadable(&error))
        })
    }

    fn try_into_stream(
        self,
    ) -> Result<impl Stream<Item = Result<Bytes, Bytes>> + Send + Sync + 'static, E> {
        let body = self.response.body().ok_or_else(|| failed(&"the answer has no body"))?;
        let stream = ReadableStream::from_raw(body).into_stream().map(move |part| {
            // The transfer goes on only while the answer lives.
            let _answer = &self;
            match part {
                Ok(part) => Ok(Bytes::from(part.unchecked_into::<Uint8Array>().to_vec())),
                Err(error) => Err(failed::<E>(&format!("{error:?}")).ser()),
            }
        });
        Ok(SendWrapper::new(stream))
    }

    fn status(&self) -> u16 {
        self.response.status()
    }

    fn status_text(&self) -> String {
        self.response.status_text()
    }

    fn location(&self) -> String {
        self.header("Location").unwrap_or_else(|| self.response.url())
    }

    fn has_redirect(&self) -> bool {
        self.header(REDIRECT_HEADER).is_some()
    }
}
