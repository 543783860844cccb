//! Reads MessagePack by hand, one kind at a time, and checks the kind on the way: the page is stricter than serde's reading (a map may not come
//! as an array, a nil field may not be missing, `bin` may not come as `str`). Knows kinds of values; does not know messages.

use rmp::Marker;
use rmp::decode::{read_array_len, read_bin_len, read_int, read_map_len, read_marker, read_str_len};

use crate::error::WireError;

/// Reads a map's fields in any order into a struct, `key: kind`, where the kind is a method of [`Reader`]; the key is the field's own name or
/// the text behind it. Unknown keys are skipped, a missing one is an error, and so is a value of another kind. Fields behind a semicolon may be
/// missing and are options.
macro_rules! body {
    ($reader:ident => $($build:ident)::+ {
        $($field:ident $($key:literal)? : $kind:ident),* $(,)?
        $(; $($may:ident $($may_key:literal)? : $may_kind:ident),* $(,)?)?
    }) => {{
        $(let mut $field = None;)*
        $($(let mut $may = None;)*)?
        $reader.fields(|key, _value| {
            $(if key == key_of!($field $($key)?) {
                $field = Some(_value.$kind().map_err(|error| WireError::new(format!("{key}: {error}")))?);
                return Ok(true);
            })*
            $($(if key == key_of!($may $($may_key)?) {
                $may = Some(_value.$may_kind().map_err(|error| WireError::new(format!("{key}: {error}")))?);
                return Ok(true);
            })*)?
            let _ = key;
            Ok(false)
        })?;
        $($build)::+ {
            $($field: $field.ok_or_else(|| WireError::new(concat!("no field ", key_of!($field $($key)?))))?,)*
            $($($may,)*)?
        }
    }};
}

macro_rules! key_of {
    ($field:ident) => {
        stringify!($field)
    };
    ($field:ident $key:literal) => {
        $key
    };
}

pub(crate) use {body, key_of};

/// Reads MessagePack values off the front of a payload; every method says what kind it takes and refuses all others.
pub(super) struct Reader<'a> {
    pub(super) rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn fields(
        &mut self,
        mut take: impl FnMut(&'a str, &mut Self) -> Result<bool, WireError>,
    ) -> Result<(), WireError> {
        let count = read_map_len(&mut self.rest).map_err(|_| WireError::new("not a map"))?;
        for _ in 0..count {
            let key = self.text()?;
            if !take(key, self)? {
                self.skip()?;
            }
        }
        Ok(())
    }

    pub(super) fn bytes(&mut self, length: u32) -> Result<&'a [u8], WireError> {
        let (taken, rest) =
            self.rest.split_at_checked(length as usize).ok_or_else(|| WireError::new("ends inside a value"))?;
        self.rest = rest;
        Ok(taken)
    }

    pub(super) fn text(&mut self) -> Result<&'a str, WireError> {
        let length = read_str_len(&mut self.rest).map_err(|_| WireError::new("not a string"))?;
        std::str::from_utf8(self.bytes(length)?).map_err(|_| WireError::new("a string that is not UTF-8"))
    }

    pub(super) fn bin(&mut self) -> Result<&'a [u8], WireError> {
        let length = read_bin_len(&mut self.rest).map_err(|_| WireError::new("not a bin"))?;
        self.bytes(length)
    }

    pub(super) fn boolean(&mut self) -> Result<bool, WireError> {
        rmp::decode::read_bool(&mut self.rest).map_err(|_| WireError::new("not a boolean"))
    }

    pub(super) fn unsigned64(&mut self) -> Result<u64, WireError> {
        read_int(&mut self.rest).map_err(|_| WireError::new("not an unsigned integer"))
    }

    pub(super) fn unsigned32(&mut self) -> Result<u32, WireError> {
        let value = self.unsigned64()?;
        u32::try_from(value).map_err(|_| WireError::new(format!("{value} is not below 2^32")))
    }

    pub(super) fn unsigned16(&mut self) -> Result<u16, WireError> {
        self.unsigned_up_to(0, 0xffff).map(|value| value as u16)
    }

    pub(super) fn signed_within(&mut self, least: i32, most: i32) -> Result<i32, WireError> {
        let value: i64 = read_int(&mut self.rest).map_err(|_| WireError::new("not an integer"))?;
        match i32::try_from(value) {
            Ok(value) if (least..=most).contains(&value) => Ok(value),
            _ => Err(WireError::new(format!("{value} is not {least} to {most}"))),
        }
    }

    pub(super) fn unsigned_up_to(&mut self, least: u32, most: u32) -> Result<u32, WireError> {
        let value = self.unsigned64()?;
        match u32::try_from(value) {
            Ok(value) if (least..=most).contains(&value) => Ok(value),
            _ => Err(WireError::new(format!("{value} is not {least} to {most}"))),
        }
    }

    pub(super) fn nil_or<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, WireError>,
    ) -> Result<Option<T>, WireError> {
        if self.rest.first() == Some(&Marker::Null.to_u8()) {
            self.rest = &self.rest[1..];
            return Ok(None);
        }
        read(self).map(Some)
    }

    pub(super) fn optional_bin(&mut self) -> Result<Option<&'a [u8]>, WireError> {
        self.nil_or(Self::bin)
    }

    pub(super) fn optional_unsigned32(&mut self) -> Result<Option<u32>, WireError> {
        self.nil_or(Self::unsigned32)
    }

    pub(super) fn list<T>(
        &mut self,
        most: u32,
        mut read: impl FnMut(&mut Self) -> Result<T, WireError>,
    ) -> Result<Vec<T>, WireError> {
        let count = read_array_len(&mut self.rest).map_err(|_| WireError::new("not an array"))?;
        if count > most {
            return Err(WireError::new(format!("an array of {count}; at most {most} are allowed")));
        }
        // Every value takes at least a byte, so a hostile count cannot make this larger than the frame.
        let mut values = Vec::with_capacity((count as usize).min(self.rest.len()).min(64));
        for _ in 0..count {
            values.push(read(self)?);
        }
        Ok(values)
    }

    /// Whether the next value is a text.
    pub(super) fn is_text(&self) -> bool {
        let marker = self.rest.first().map(|byte| Marker::from_u8(*byte));
        matches!(marker, Some(Marker::FixStr(_) | Marker::Str8 | Marker::Str16 | Marker::Str32))
    }

    pub(super) fn choice<T: Copy>(&mut self, choices: &[(&str, T)]) -> Result<T, WireError> {
        let text = self.text()?;
        let found = choices.iter().find(|(name, _)| *name == text);
        found.map(|(_, choice)| *choice).ok_or_else(|| WireError::new(format!("{text:?} is not one of its values")))
    }

    /// Passes over one value of any kind. It counts instead of recursing, so that no depth of nesting can exhaust the stack.
    pub(super) fn skip(&mut self) -> Result<(), WireError> {
        let cut = || WireError::new("ends inside a value");
        let mut values: u64 = 1;
        while values > 0 {
            values -= 1;
            let marker = read_marker(&mut self.rest).map_err(|_| cut())?;
            let (length_bytes, fixed, per_length) = match marker {
                Marker::FixPos(_) | Marker::FixNeg(_) | Marker::Null | Marker::True | Marker::False => {
                    (0, 0, Len::Bytes)
                }
                Marker::U8 | Marker::I8 => (0, 1, Len::Bytes),
                Marker::U16 | Marker::I16 => (0, 2, Len::Bytes),
                Marker::U32 | Marker::I32 | Marker::F32 => (0, 4, Len::Bytes),
                Marker::U64 | Marker::I64 | Marker::F64 => (0, 8, Len::Bytes),
                Marker::FixStr(length) => (0, u32::from(length), Len::Bytes),
                Marker::Str8 | Marker::Bin8 => (1, 0, Len::Bytes),
                Marker::Str16 | Marker::Bin16 => (2, 0, Len::Bytes),
                Marker::Str32 | Marker::Bin32 => (4, 0, Len::Bytes),
                Marker::FixExt1 => (0, 2, Len::Bytes),
                Marker::FixExt2 => (0, 3, Len::Bytes),
                Marker::FixExt4 => (0, 5, Len::Bytes),
                Marker::FixExt8 => (0, 9, Len::Bytes),
                Marker::FixExt16 => (0, 17, Len::Bytes),
                Marker::Ext8 => (1, 1, Len::Bytes),
                Marker::Ext16 => (2, 1, Len::Bytes),
                Marker::Ext32 => (4, 1, Len::Bytes),
                Marker::FixArray(count) => (0, u32::from(count), Len::Values(1)),
                Marker::Array16 => (2, 0, Len::Values(1)),
                Marker::Array32 => (4, 0, Len::Values(1)),
                Marker::FixMap(count) => (0, u32::from(count), Len::Values(2)),
                Marker::Map16 => (2, 0, Len::Values(2)),
                Marker::Map32 => (4, 0, Len::Values(2)),
                Marker::Reserved => return Err(WireError::new("the reserved marker 0xc1")),
            };
            let length = self.bytes(length_bytes)?.iter().fold(0u64, |value, byte| value << 8 | u64::from(*byte));
            let total = length + u64::from(fixed);
            match per_length {
                Len::Bytes => {
                    self.bytes(u32::try_from(total).map_err(|_| cut())?)?;
                }
                Len::Values(each) => values += total * each,
            }
        }
        Ok(())
    }
}

/// What the length behind a marker counts.
enum Len {
    Bytes,
    Values(u64),
}
