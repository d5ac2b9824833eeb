//! An object: how it is named and read, and a page as one.
//!
//! A page's object begins with the magic `ISRB` and a zero, the number of this format as one byte, two
//! zeros, and the page's version (u64, little-endian). The page follows. So reading a page is one
//! request, and to compare versions its first bytes are enough. An object that begins otherwise
//! counts as no page.

use bytes::Bytes;
use object_store::{Error::NotFound, ObjectStore, ObjectStoreExt, PutPayload, path::Path};
use xxhash_rust::xxh3::xxh3_128;

use crate::error::StoreError;

const MAGIC: [u8; 8] = *b"ISRB\0\x01\0\0";

/// How long what stands before the page is.
pub(super) const HEADER_LEN: usize = 16;

/// The object below `folder` that `name`, which is any text, stands for.
pub(super) fn named(folder: &Path, name: &str) -> Path {
    folder.clone().join(format!("{:032x}", xxh3_128(name.as_bytes())))
}

/// Whether [`named`] gives such a name.
pub(super) fn is_named(object: &Path) -> bool {
    let name = object.filename().unwrap_or_default();
    name.len() == 32 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A page of `version` as an object.
pub(super) fn encode(page: Bytes, version: u64) -> PutPayload {
    let header: Vec<u8> = MAGIC.into_iter().chain(version.to_le_bytes()).collect();
    PutPayload::from_iter([Bytes::from(header), page])
}

/// The version of the page that begins with `header`; `None` if it is no page.
pub(super) fn version(header: &[u8]) -> Option<u64> {
    let (version, _) = header.strip_prefix(&MAGIC)?.split_first_chunk()?;
    Some(u64::from_le_bytes(*version))
}

/// The page in an object; `None` if there is none in it.
pub(super) fn page(mut object: Bytes) -> Option<Bytes> {
    version(&object)?;
    Some(object.split_off(HEADER_LEN))
}

/// The bytes at `location`; `None` if there is no object.
pub(super) async fn read(
    store: &dyn ObjectStore,
    location: &Path,
) -> Result<Option<Bytes>, StoreError> {
    match store.get(location).await {
        Ok(object) => Ok(Some(object.bytes().await?)),
        Err(NotFound { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(object: PutPayload) -> Bytes {
        object.into_iter().flatten().collect()
    }

    #[test]
    fn page_and_version_are_read_as_they_were_written() {
        for (text, at) in [("", 0), ("a page", 1), ("a page", u64::MAX)] {
            let object = whole(encode(Bytes::from_static(text.as_bytes()), at));
            assert_eq!(version(&object[..HEADER_LEN]), Some(at));
            assert_eq!(page(object).unwrap(), text);
        }
    }

    #[test]
    fn what_begins_otherwise_is_no_page() {
        let object = whole(encode(Bytes::from_static(b"a page"), 7));
        for cut in 0..HEADER_LEN {
            assert_eq!(page(object.slice(..cut)), None, "cut at {cut}");
        }
        for bit in 0..MAGIC.len() * 8 {
            let mut other = object.to_vec();
            other[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(page(other.into()), None, "bit {bit}");
        }
    }
}
