//! JSON as server functions answer with it.
//!
//! Leptos's own reads JSON from bytes, and its resources read it from text: serde
//! makes the code for each type twice then. This one reads it from text, too.

use std::{io, str};

use leptos::{
    serde_json,
    server_fn::{Bytes, ContentType, Decodes, Encodes, Format, FormatType, codec::Post},
};
use serde::{Serialize, de::DeserializeOwned};

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
        let text = str::from_utf8(&bytes);
        let text = text.map_err(|error| serde_json::Error::io(io::Error::other(error)))?;
        serde_json::from_str(text)
    }
}
