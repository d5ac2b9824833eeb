//! JSON as server functions answer with it.
//!
//! Leptos's own reads JSON from bytes, and its resources read it from text: serde
//! makes the code for each type twice then. This one reads it from text, too.

use std::str;

use leptos::{
    serde_json,
    server_fn::{Bytes, ContentType, Decodes, Encodes, Format, FormatType, codec::Post},
};
use serde::{
    Serialize,
    de::{self, DeserializeOwned},
};

/// The `output` of the site's server functions.
pub type JsonText = Post<TextEncoding>;

/// JSON that is read as text.
#[derive(Debug)]
pub struct TextEncoding;

impl ContentType for TextEncoding {
    const CONTENT_TYPE: &'static str = "application/json";
}

impl FormatType for TextEncoding {
    const FORMAT_TYPE: Format = Format::Text;
}

impl<T: Serialize> Encodes<T> for TextEncoding {
    type Error = serde_json::Error;

    fn encode(output: &T) -> Result<Bytes, Self::Error> {
        serde_json::to_vec(output).map(Bytes::from)
    }
}

impl<T: DeserializeOwned> Decodes<T> for TextEncoding {
    type Error = serde_json::Error;

    fn decode(bytes: Bytes) -> Result<T, Self::Error> {
        serde_json::from_str(str::from_utf8(&bytes).map_err(de::Error::custom)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_and_nothing_else() {
        let written = <TextEncoding as Encodes<_>>::encode(&vec!["é", "</script>"]).unwrap();
        let read: Vec<String> = TextEncoding::decode(written).unwrap();
        assert_eq!(read, ["é", "</script>"]);
        for wrong in [&b"[\"\xff\"]"[..], b"[", b"[] []", b""] {
            let read: Result<Vec<String>, _> = TextEncoding::decode(Bytes::from_static(wrong));
            assert!(read.is_err(), "{wrong:?}");
        }
    }
}
