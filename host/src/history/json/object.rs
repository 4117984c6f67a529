//! An **object** as recorded: where the wanted top-level fields of a payload stand in its text.
//!
//! The text was checked to be JSON when it was recorded, so one pass over its bytes that only follows strings and
//! brackets is enough; what nevertheless turns out not to be an object's text is reported, never misread silently
//! past the end.

use std::ops::Range;

use hashbrown::HashMap;

/// Keys whose meaning is remembered by their place in the object.
const PLACES_MAX: usize = 64;
/// Longer keys are not remembered, and no columns of a segment.
pub(in crate::history) const KEY_BYTES_MAX: usize = 256;

/// Which top-level fields are wanted, and where they stood in the last object: most objects of an event type have
/// the same keys in the same order, so each key is compared once, with what stood there before.
pub(in crate::history) struct Fields {
    wanted: HashMap<Box<str>, usize, foldhash::fast::RandomState>,
    places: Vec<(Box<str>, Option<usize>)>,
    /// Where the wanted fields stand in the current text.
    pub found: Vec<Option<Range<usize>>>,
}

/// The text ended or went on where JSON does not.
#[derive(Debug)]
pub(in crate::history) struct NotJson;

impl Fields {
    pub fn new(names: &[String]) -> Fields {
        Fields {
            wanted: names.iter().enumerate().map(|(index, name)| (name.as_str().into(), index)).collect(),
            places: Vec::new(),
            found: vec![None; names.len()],
        }
    }

    /// Finds the wanted fields in `text`; of a key that stands there twice, the last. All are absent when the text
    /// is no object.
    pub fn find(&mut self, text: &str) -> Result<(), NotJson> {
        self.found.fill(None);
        members(text, |member| {
            if let Some(field) = self.field(member.place, member.key, member.escaped)? {
                self.found[field] = Some(member.value);
            }
            Ok(())
        })
    }

    #[inline]
    fn field(&mut self, place: usize, key: &str, escaped: bool) -> Result<Option<usize>, NotJson> {
        match self.places.get(place) {
            Some((known, field)) if **known == *key => Ok(*field),
            _ => self.look_up(place, key, escaped),
        }
    }

    #[cold]
    fn look_up(&mut self, place: usize, key: &str, escaped: bool) -> Result<Option<usize>, NotJson> {
        let field = if escaped {
            unescaped(key).and_then(|name| self.wanted.get(name.as_str()).copied())
        } else {
            self.wanted.get(key).copied()
        };
        if place < PLACES_MAX && key.len() <= KEY_BYTES_MAX {
            if let Some(known) = self.places.get_mut(place) {
                *known = (key.into(), field);
            } else if self.places.len() == place {
                self.places.push((key.into(), field));
            }
        }
        Ok(field)
    }
}

/// One member of an object, where it stands in the text.
pub(in crate::history) struct Member<'t> {
    /// How many members stand before it.
    pub place: usize,
    /// Its key as recorded.
    pub key: &'t str,
    /// Whether there are escapes in the key.
    pub escaped: bool,
    /// Where its value stands.
    pub value: Range<usize>,
}

/// Visits the members of the object that `text` is; none when it is something else.
#[inline]
pub(in crate::history) fn members<'t>(
    text: &'t str,
    mut visit: impl FnMut(Member<'t>) -> Result<(), NotJson>,
) -> Result<(), NotJson> {
    let bytes = text.as_bytes();
    let mut at = space(bytes, 0);
    if bytes.get(at) != Some(&b'{') {
        return Ok(());
    }
    at = space(bytes, at + 1);
    if bytes.get(at) == Some(&b'}') {
        return Ok(());
    }
    for place in 0.. {
        if bytes.get(at) != Some(&b'"') {
            return Err(NotJson);
        }
        let (end, escaped) = string_end(bytes, at + 1)?;
        let key = text.get(at + 1..end).ok_or(NotJson)?;
        at = space(bytes, end + 1);
        if bytes.get(at) != Some(&b':') {
            return Err(NotJson);
        }
        let start = space(bytes, at + 1);
        let end = value_end(bytes, start)?;
        visit(Member { place, key, escaped, value: start..end })?;
        at = space(bytes, end);
        match bytes.get(at) {
            Some(b',') => at = space(bytes, at + 1),
            Some(b'}') => return Ok(()),
            _ => return Err(NotJson),
        }
    }
    Ok(())
}

/// The name that a key with escapes stands for; none with a lone surrogate, which is no text that could be asked for.
pub(in crate::history) fn unescaped(key: &str) -> Option<String> {
    serde_json::from_str(&format!("\"{key}\"")).ok()
}

#[inline]
fn space(bytes: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\n' | b'\r' | b'\t') = bytes.get(at) {
        at += 1;
    }
    at
}

/// The closing quote of the string that begins at `at`, and whether there are escapes before it.
#[inline]
fn string_end(bytes: &[u8], mut at: usize) -> Result<(usize, bool), NotJson> {
    let mut escaped = false;
    loop {
        // Eight bytes at a time while none of them is a quote or a backslash.
        while let Some(word) = bytes.get(at..at + 8) {
            let word = u64::from_le_bytes([word[0], word[1], word[2], word[3], word[4], word[5], word[6], word[7]]);
            let hits = zero_bytes(word ^ (0x22 * ONES)) | zero_bytes(word ^ (0x5C * ONES));
            if hits != 0 {
                at += hits.trailing_zeros() as usize / 8;
                break;
            }
            at += 8;
        }
        match bytes.get(at) {
            Some(b'"') => return Ok((at, escaped)),
            Some(b'\\') => {
                escaped = true;
                at += 2;
            }
            Some(_) => at += 1,
            None => return Err(NotJson),
        }
    }
}

const ONES: u64 = u64::MAX / 0xFF;

/// The lowest set bit is in the lowest byte that is zero (bytes above it may be marked wrongly).
#[inline]
fn zero_bytes(word: u64) -> u64 {
    word.wrapping_sub(ONES) & !word & (ONES << 7)
}

/// The end of the value that begins at `start`.
#[inline]
fn value_end(bytes: &[u8], start: usize) -> Result<usize, NotJson> {
    match bytes.get(start) {
        Some(b'"') => Ok(string_end(bytes, start + 1)?.0 + 1),
        Some(b'{' | b'[') => nested_end(bytes, start),
        Some(_) => {
            let length = bytes[start..]
                .iter()
                .position(|byte| matches!(byte, b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t'))
                .ok_or(NotJson)?;
            if length == 0 { Err(NotJson) } else { Ok(start + length) }
        }
        None => Err(NotJson),
    }
}

fn nested_end(bytes: &[u8], start: usize) -> Result<usize, NotJson> {
    let mut depth = 0usize;
    let mut at = start;
    loop {
        match bytes.get(at) {
            Some(b'{' | b'[') => depth += 1,
            Some(b'}' | b']') => {
                depth -= 1;
                if depth == 0 {
                    return Ok(at + 1);
                }
            }
            Some(b'"') => at = string_end(bytes, at + 1)?.0,
            Some(_) => {}
            None => return Err(NotJson),
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found<'t>(names: &[&str], text: &'t str) -> Vec<Option<&'t str>> {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut fields = Fields::new(&names);
        fields.find(text).unwrap();
        fields.found.iter().map(|range| range.clone().map(|range| &text[range])).collect()
    }

    #[test]
    fn fields_are_found_wherever_they_stand() {
        let text = " { \"a\" : [1, {\"b\":\"}\\\"\"}] , \"b\":-1.5e3\t, \"\" : \"x\\\\\" ,\"c\":null} ";
        assert_eq!(
            found(&["b", "a", "", "d", "c"], text),
            [Some("-1.5e3"), Some("[1, {\"b\":\"}\\\"\"}]"), Some("\"x\\\\\""), None, Some("null")]
        );
    }

    #[test]
    fn the_last_of_two_equal_keys_counts_even_when_one_is_escaped() {
        assert_eq!(found(&["a"], r#"{"a":1,"b":2,"\u0061":3}"#), [Some("3")]);
        assert_eq!(found(&["a"], r#"{"\u0061":3,"a":{}}"#), [Some("{}")]);
    }

    #[test]
    fn what_is_no_object_has_no_fields() {
        for text in ["17", "[{\"a\":1}]", "\"a\"", "null", "{}", " { } ", ""] {
            assert_eq!(found(&["a"], text), [None], "{text}");
        }
    }

    #[test]
    fn text_that_is_not_json_is_noticed() {
        for text in
            ["{", "{\"a", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":[", "{\"a\":\"", "{a:1}", "{\"a\":,}", "{\"a\\"]
        {
            assert!(Fields::new(&["a".to_owned()]).find(text).is_err(), "{text}");
        }
    }

    #[test]
    fn quotes_are_found_at_every_place_in_a_word() {
        for length in 0..40 {
            for tail in ["", "é", "\\\"", "\\\\", "\u{1F600}"] {
                let string = format!("\"{}{tail}\"", "!".repeat(length));
                let text = format!("{{\"a\":{string},\"b\":1}}");
                assert_eq!(found(&["a", "b"], &text), [Some(string.as_str()), Some("1")]);
            }
        }
    }
}
