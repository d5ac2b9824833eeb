//! The compressed forms of one body.
//!
//! A form is made once for a page in memory: when its page is rendered, if the page before it was
//! served in that form, and else when somebody asks for it first. Most pages
//! are read in one form only.

use std::{mem::size_of, sync::Arc};

use bytes::Bytes;
use tokio::sync::OnceCell;

use crate::encoding::Encoding;

/// The forms of a body that may be compressed.
///
/// A place holds `None` once it is known that its form is not smaller than the
/// body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Forms(Arc<Places>);

type Places = [OnceCell<Option<Bytes>>; Encoding::ALL.len()];

impl Forms {
    /// What they take beside their bytes.
    pub(crate) const SIZE: usize = size_of::<Places>();

    /// Those that are known, each with its bytes or without if it is not smaller.
    pub(crate) fn known(&self) -> impl Iterator<Item = (Encoding, Option<&Bytes>)> {
        Encoding::ALL
            .into_iter()
            .filter_map(|encoding| Some((encoding, self.place(encoding).get()?.as_ref())))
    }

    /// Those that a request can have, the preferred one first.
    pub(crate) fn available(&self) -> impl Iterator<Item = Encoding> {
        let is_larger = |encoding| matches!(self.place(encoding).get(), Some(None));
        Encoding::ALL.into_iter().filter(move |encoding| !is_larger(*encoding))
    }

    /// The form, if it was made.
    pub(crate) fn get(&self, encoding: Encoding) -> Option<&Bytes> {
        self.place(encoding).get()?.as_ref()
    }

    /// Makes the form of `body`, unless that was done; who comes meanwhile waits.
    pub(crate) async fn make(&self, encoding: Encoding, body: &Bytes) {
        let made = self.place(encoding).get_or_init(|| async {
            let body = body.clone();
            let compress = move || encoding.compress(&body);
            tokio::task::spawn_blocking(compress).await.unwrap_or_default()
        });
        made.await;
    }

    /// Makes all forms of `body`, on one thread: each thread that compresses keeps
    /// some memory for the next time.
    pub(crate) async fn make_all(&self, body: &Bytes) {
        let body = body.clone();
        let compress = move || Encoding::ALL.map(|encoding| (encoding, encoding.compress(&body)));
        let made = tokio::task::spawn_blocking(compress).await;
        made.into_iter().flatten().for_each(|(encoding, form)| self.add(encoding, form));
    }

    /// Adds a form that was made before.
    pub(crate) fn add(&self, encoding: Encoding, form: Option<Bytes>) {
        // What is known already is of the same body.
        let _ = self.place(encoding).set(form);
    }

    fn place(&self, encoding: Encoding) -> &OnceCell<Option<Bytes>> {
        &self.0[encoding as usize]
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering},
        },
        task::Poll,
        time::Duration,
    };

    use axum::{Router, body::Body, extract::Request};
    use tower::ServiceExt;

    use super::*;
    use crate::{Engine, Isr, Routes, entry::Entry};

    #[tokio::test]
    async fn form_that_is_not_smaller_is_offered_once() {
        let forms = Forms::default();
        let noise = Bytes::from_static(b"q8#");
        assert!(forms.available().eq(Encoding::ALL));
        forms.make(Encoding::Brotli, &noise).await;
        assert!(forms.available().eq([Encoding::Zstd, Encoding::Gzip]));
        assert_eq!(forms.known().collect::<Vec<_>>(), [(Encoding::Brotli, None)]);
    }

    #[tokio::test]
    async fn form_is_made_once() {
        let forms = Forms::default();
        let body = Bytes::from("<p>hello</p>".repeat(100));
        forms.make(Encoding::Gzip, &body).await;
        let made = forms.get(Encoding::Gzip).unwrap().as_ptr();
        forms.make(Encoding::Gzip, &body).await;
        assert_eq!(forms.get(Encoding::Gzip).unwrap().as_ptr(), made);
        assert_eq!(forms.get(Encoding::Brotli), None);
    }

    /// A site of one page, whose text is as long as `version` is great.
    fn site(version: &Arc<AtomicUsize>) -> (Engine, Router) {
        let routes = Routes::new().add("/a", Isr::forever()).unwrap();
        let engine = Engine::builder(routes).build().unwrap();
        let version = Arc::clone(version);
        let render = move || async move { "hello ".repeat(version.load(Ordering::SeqCst)) };
        let router = engine.wrap(Router::new().fallback(render));
        (engine, router)
    }

    async fn ask(router: &Router, accept: &str) -> Option<String> {
        let request = Request::builder().uri("/a").header("accept-encoding", accept);
        let request = request.body(Body::empty()).unwrap();
        let answer = router.clone().oneshot(request).await.unwrap();
        answer.headers().get("content-encoding").map(|value| value.to_str().unwrap().to_owned())
    }

    fn stored(engine: &Engine) -> Arc<Entry> {
        engine.0.memory.get("/a").unwrap()
    }

    fn made(engine: &Engine) -> Vec<&'static str> {
        let entry = stored(engine);
        entry.forms.as_ref().unwrap().known().map(|(encoding, _)| encoding.name()).collect()
    }

    async fn regenerate(engine: &Engine) {
        engine.regenerate(&["/a"]).await.unwrap().pop().unwrap().result.unwrap();
    }

    #[tokio::test]
    async fn page_is_compressed_as_it_is_asked_for_and_regenerated_in_these_forms() {
        let version = Arc::new(AtomicUsize::new(1000));
        let (engine, router) = site(&version);
        assert_eq!(ask(&router, "identity").await, None);
        assert_eq!(made(&engine), [""; 0]);
        for _ in 0..2 {
            assert_eq!(ask(&router, "gzip").await.as_deref(), Some("gzip"));
            assert_eq!(made(&engine), ["gzip"]);
        }
        assert_eq!(ask(&router, "gzip, br").await.as_deref(), Some("br"));
        version.store(1001, Ordering::SeqCst);
        regenerate(&engine).await;
        assert_eq!(made(&engine), ["br", "gzip"]);
        // Nobody read this one.
        version.store(1002, Ordering::SeqCst);
        regenerate(&engine).await;
        assert_eq!(made(&engine), [""; 0]);
    }

    #[tokio::test]
    async fn visitor_who_leaves_does_not_stop_the_compression() {
        let (engine, router) = site(&Arc::new(AtomicUsize::new(1000)));
        ask(&router, "identity").await;
        let mut leaves = Box::pin(ask(&router, "gzip"));
        assert_eq!(futures::poll!(&mut leaves), Poll::Pending);
        drop(leaves);
        assert!(engine.idle(Duration::from_secs(30)).await);
        assert_eq!(made(&engine), ["gzip"]);
    }

    #[tokio::test]
    async fn build_makes_every_form() {
        let (engine, _router) = site(&Arc::new(AtomicUsize::new(1000)));
        assert!(engine.prerender(1, |_| (), |_| ()).await.unwrap().is_success());
        assert_eq!(made(&engine), ["br", "zstd", "gzip"]);
    }

    #[tokio::test]
    async fn equal_body_is_not_compressed_again() {
        let (engine, router) = site(&Arc::new(AtomicUsize::new(1000)));
        ask(&router, "gzip").await;
        let bytes = |engine: &Engine| {
            stored(engine).body_in(Some(Encoding::Gzip)).map(|form| form.as_ptr())
        };
        let before = bytes(&engine);
        assert!(before.is_some());
        for _ in 0..2 {
            regenerate(&engine).await;
            assert_eq!(bytes(&engine), before);
        }
    }
}
