//! The encodings of one body.
//!
//! Each encoding of a page in memory is made once: when the page is rendered, if the previous page
//! was served in that encoding, and otherwise when somebody first asks for it. Most pages are read
//! in one encoding only.

use std::{mem::size_of, sync::Arc};

use bytes::Bytes;
use tokio::sync::OnceCell;

use crate::rules::encoding::Encoding;

/// The encodings of a body that may be compressed.
///
/// A cell holds `None` once its encoding is known to be no smaller than the body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Encodings(Arc<Cells>);

type Cells = [OnceCell<Option<Bytes>>; Encoding::ALL.len()];

impl Encodings {
    /// The size of the cells, without the bytes in them.
    pub(crate) const SIZE: usize = size_of::<Cells>();

    /// The encodings that were made, each with its bytes; `None` if it is no smaller than the body.
    pub(crate) fn known(&self) -> impl Iterator<Item = (Encoding, Option<&Bytes>)> {
        Encoding::ALL
            .into_iter()
            .filter_map(|encoding| Some((encoding, self.cell(encoding).get()?.as_ref())))
    }

    /// The encodings that a request can get, the preferred one first.
    pub(crate) fn available(&self) -> impl Iterator<Item = Encoding> {
        let is_larger = |encoding| matches!(self.cell(encoding).get(), Some(None));
        Encoding::ALL.into_iter().filter(move |encoding| !is_larger(*encoding))
    }

    /// The body in this encoding, if it was made.
    pub(crate) fn get(&self, encoding: Encoding) -> Option<&Bytes> {
        self.cell(encoding).get()?.as_ref()
    }

    /// Encodes `body`, unless that was done before. Callers who ask at the same time wait for the
    /// one that encodes.
    pub(crate) async fn make(&self, encoding: Encoding, body: &Bytes) {
        let made = self.cell(encoding).get_or_init(|| async {
            let body = body.clone();
            let compress = move || encoding.compress(&body);
            tokio::task::spawn_blocking(compress).await.unwrap_or_default()
        });
        made.await;
    }

    /// Makes all encodings of `body`. They share one thread, since each thread that compresses
    /// keeps some memory for the next time.
    pub(crate) async fn make_all(&self, body: &Bytes) {
        let body = body.clone();
        let compress = move || Encoding::ALL.map(|encoding| (encoding, encoding.compress(&body)));
        let made = tokio::task::spawn_blocking(compress).await;
        made.into_iter().flatten().for_each(|(encoding, encoded)| self.add(encoding, encoded));
    }

    /// Adds an encoding that was made before.
    pub(crate) fn add(&self, encoding: Encoding, encoded: Option<Bytes>) {
        // If there is one already, it is of the same body.
        let _ = self.cell(encoding).set(encoded);
    }

    fn cell(&self, encoding: Encoding) -> &OnceCell<Option<Bytes>> {
        &self.0[encoding as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn encoding_that_is_not_smaller_is_offered_once() {
        let encodings = Encodings::default();
        let noise = Bytes::from_static(b"q8#");
        assert!(encodings.available().eq(Encoding::ALL));
        encodings.make(Encoding::Brotli, &noise).await;
        assert!(encodings.available().eq([Encoding::Zstd, Encoding::Gzip]));
        assert_eq!(encodings.known().collect::<Vec<_>>(), [(Encoding::Brotli, None)]);
    }

    #[tokio::test]
    async fn encoding_is_made_once() {
        let encodings = Encodings::default();
        let body = Bytes::from("<p>hello</p>".repeat(100));
        encodings.make(Encoding::Gzip, &body).await;
        let made = encodings.get(Encoding::Gzip).unwrap().as_ptr();
        encodings.make(Encoding::Gzip, &body).await;
        assert_eq!(encodings.get(Encoding::Gzip).unwrap().as_ptr(), made);
        assert_eq!(encodings.get(Encoding::Brotli), None);
    }
}
