//! A serde serializer that writes a value's parts straight into an object of metadata.

use std::fmt;

use serde::Serialize;
use serde::ser::{Error, SerializeMap, SerializeStruct, SerializeStructVariant, Serializer};

use super::listed::{CappedBytes, Listed};
use super::{Scalar, ValueWriter};
use crate::event::limits::{METADATA_KEY_CHARS, NESTING};

/// Serializes one value to where `to` says.
pub(super) struct Flatten<'w, 'a> {
    pub(super) to: &'w mut ValueWriter<'a>,
}

/// Why serializing ended early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// No more fits: ten million elements cost as much as those that fit.
    Full,
    /// The value's own `Serialize` failed.
    Failed,
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("stopped")
    }
}

impl std::error::Error for Stop {}

impl Error for Stop {
    fn custom<T: fmt::Display>(_said: T) -> Self {
        Self::Failed
    }
}

pub(super) type Done = Result<(), Stop>;

impl<'w, 'a> Serializer for Flatten<'w, 'a> {
    type Ok = ();
    type Error = Stop;
    type SerializeSeq = Listed<'w, 'a>;
    type SerializeTuple = Listed<'w, 'a>;
    type SerializeTupleStruct = Listed<'w, 'a>;
    type SerializeTupleVariant = Listed<'w, 'a>;
    type SerializeMap = Parts<'w, 'a>;
    type SerializeStruct = Parts<'w, 'a>;
    type SerializeStructVariant = Parts<'w, 'a>;

    fn serialize_bool(self, value: bool) -> Done {
        self.scalar(Scalar::Bool(value))
    }

    fn serialize_i8(self, value: i8) -> Done {
        self.scalar(Scalar::Signed(value.into()))
    }

    fn serialize_i16(self, value: i16) -> Done {
        self.scalar(Scalar::Signed(value.into()))
    }

    fn serialize_i32(self, value: i32) -> Done {
        self.scalar(Scalar::Signed(value.into()))
    }

    fn serialize_i64(self, value: i64) -> Done {
        self.scalar(Scalar::Signed(value))
    }

    fn serialize_i128(self, value: i128) -> Done {
        self.scalar(Scalar::Text(itoa::Buffer::new().format(value)))
    }

    fn serialize_u8(self, value: u8) -> Done {
        self.scalar(Scalar::Unsigned(value.into()))
    }

    fn serialize_u16(self, value: u16) -> Done {
        self.scalar(Scalar::Unsigned(value.into()))
    }

    fn serialize_u32(self, value: u32) -> Done {
        self.scalar(Scalar::Unsigned(value.into()))
    }

    fn serialize_u64(self, value: u64) -> Done {
        self.scalar(Scalar::Unsigned(value))
    }

    fn serialize_u128(self, value: u128) -> Done {
        self.scalar(Scalar::Text(itoa::Buffer::new().format(value)))
    }

    fn serialize_f32(self, value: f32) -> Done {
        // Through its shortest text, so that 0.1_f32 is told as 0.1 and not as 0.10000000149011612.
        let exact = value.to_string().parse().unwrap_or(f64::from(value));
        self.scalar(Scalar::Float(exact))
    }

    fn serialize_f64(self, value: f64) -> Done {
        self.scalar(Scalar::Float(value))
    }

    fn serialize_char(self, value: char) -> Done {
        self.scalar(Scalar::Text(value.encode_utf8(&mut [0; 4])))
    }

    fn serialize_str(self, value: &str) -> Done {
        self.scalar(Scalar::Text(value))
    }

    fn serialize_bytes(self, value: &[u8]) -> Done {
        let bytes = value;
        self.to
            .write_text(|hex| bytes.iter().all(|byte| fmt::Write::write_fmt(hex, format_args!("{byte:02x}")).is_ok()));
        Ok(())
    }

    fn serialize_none(self) -> Done {
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Done {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Done {
        Ok(())
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Done {
        Ok(())
    }

    fn serialize_unit_variant(self, _name: &'static str, _index: u32, variant: &'static str) -> Done {
        self.scalar(Scalar::Text(variant))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _name: &'static str, value: &T) -> Done {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Done {
        let mut key = String::new();
        value.serialize(Flatten { to: &mut self.to.part(variant, &mut key) })
    }

    fn serialize_seq(self, _len: Option<usize>) -> Result<Self::SerializeSeq, Stop> {
        Ok(Listed::new(self.to, None))
    }

    fn serialize_tuple(self, _len: usize) -> Result<Self::SerializeTuple, Stop> {
        Ok(Listed::new(self.to, None))
    }

    fn serialize_tuple_struct(self, _name: &'static str, _len: usize) -> Result<Self::SerializeTupleStruct, Stop> {
        Ok(Listed::new(self.to, None))
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _len: usize,
    ) -> Result<Self::SerializeTupleVariant, Stop> {
        Ok(Listed::new(self.to, Some(variant)))
    }

    fn serialize_map(self, _len: Option<usize>) -> Result<Self::SerializeMap, Stop> {
        self.parts(None)
    }

    fn serialize_struct(self, _name: &'static str, _len: usize) -> Result<Self::SerializeStruct, Stop> {
        self.parts(None)
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _len: usize,
    ) -> Result<Self::SerializeStructVariant, Stop> {
        self.parts(Some(variant))
    }

    fn collect_str<T: fmt::Display + ?Sized>(self, value: &T) -> Done {
        self.to.format(format_args!("{value}"));
        Ok(())
    }
}

impl<'w, 'a> Flatten<'w, 'a> {
    fn scalar(self, value: Scalar<'_>) -> Done {
        self.to.scalar(value);
        Ok(())
    }

    fn parts(self, variant: Option<&'static str>) -> Result<Parts<'w, 'a>, Stop> {
        if self.to.depth >= NESTING {
            self.to.too_deep();
            return Err(Stop::Full);
        }
        Ok(Parts { to: self.to, variant, key: String::new() })
    }
}

/// The fields of a struct or the entries of a map.
pub(super) struct Parts<'w, 'a> {
    to: &'w mut ValueWriter<'a>,
    variant: Option<&'static str>,
    /// The key of a map's entry, until its value comes.
    key: String,
}

impl Parts<'_, '_> {
    fn part<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Done {
        if self.to.is_full() {
            self.to.out.mended.dropped += 1;
            return Err(Stop::Full);
        }
        self.to.within(self.variant, |parent| {
            let mut key = String::new();
            let mut part = parent.part(name, &mut key);
            // A part that fails or is cut short does not take its neighbours with it.
            if value.serialize(Flatten { to: &mut part }) == Err(Stop::Failed) {
                part.out.mended.failed += 1;
            }
        });
        Ok(())
    }
}

impl SerializeStruct for Parts<'_, '_> {
    type Ok = ();
    type Error = Stop;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Done {
        self.part(name, value)
    }

    fn end(self) -> Done {
        Ok(())
    }
}

impl SerializeStructVariant for Parts<'_, '_> {
    type Ok = ();
    type Error = Stop;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Done {
        self.part(name, value)
    }

    fn end(self) -> Done {
        Ok(())
    }
}

impl SerializeMap for Parts<'_, '_> {
    type Ok = ();
    type Error = Stop;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Done {
        let mut json = CappedBytes { bytes: Vec::new(), most: 4 * METADATA_KEY_CHARS };
        // A longer key fails here with its beginning written, which is what is kept of it. Quotes and escapes need no
        // undoing: what they stand for has no place in a metadata key either.
        let _ = serde_json::to_writer(&mut json, key);
        let text = String::from_utf8_lossy(&json.bytes);
        self.key.clear();
        self.key.push_str(text.strip_prefix('"').unwrap_or(&text));
        if self.key.ends_with('"') {
            self.key.pop();
        }
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Done {
        let key = std::mem::take(&mut self.key);
        let done = self.part(&key, value);
        self.key = key;
        done
    }

    fn end(self) -> Done {
        Ok(())
    }
}
