use projectionist_sdk::prelude::*;
use projectionist_sdk::testing::{Given, event, given};
use serde_json::{Value, json};

/// A projection that stores one field of type `$type` of an event `E`, as it was read.
macro_rules! field_of {
    ($a:lifetime $module:ident, $type:ty, $column:ty, $x:ident => $store:expr) => {
        mod $module {
            use super::*;

            #[derive(Event)]
            pub(super) enum Events<$a> {
                #[allow(dead_code, reason = "most field types borrow nothing")]
                Unused { nothing: Option<&$a str> },
                E { x: $type },
            }
            #[derive(Row)]
            struct Found {
                #[key]
                position: u64,
                x: $column,
            }
            #[derive(Default, Tables)]
            pub(super) struct Projected {
                found: Table<Found>,
            }
            impl Projection for Projected {
                type Event = Events<'static>;
                fn apply(&mut self, event: Events, envelope: &Envelope) -> Result<(), Fault> {
                    if let Events::E { x } = event {
                        let $x = x;
                        self.found.put(Found { position: envelope.position(), x: $store });
                    }
                    Ok(())
                }
            }
            export!(Projected, name = "projected", version = 1, envelope = [position]);

            pub(super) fn of(payloads: &[&str]) -> Given<Projected> {
                given(payloads.iter().map(|payload| event("s", "E", ()).text(*payload)))
            }
            /// The payloads read as these values, in any mixture.
            #[allow(dead_code, reason = "not every type has its own values")]
            #[track_caller]
            pub(super) fn reads(pairs: &[(&str, Value)]) {
                let payloads: Vec<String> = pairs.iter().map(|(x, _)| format!("{{\"x\": {x}}}")).collect();
                let payloads: Vec<&str> = payloads.iter().map(String::as_str).collect();
                let rows = pairs.iter().enumerate().map(|(at, (_, x))| json!({"position": at + 1, "x": x})).collect();
                of(&payloads).then_table("found", rows);
                for (payload, (_, x)) in payloads.iter().zip(pairs) {
                    of(&[payload]).then_table("found", json!([{"position": 1, "x": x}]));
                }
            }
            /// The value is a fault.
            #[allow(dead_code, reason = "types that share a reader share its refusals")]
            #[track_caller]
            pub(super) fn refuses(x: &str, reason: &str) {
                let payload = format!("{{\"x\": {x}}}");
                of(&[&payload]).then_fault_at(0, &format!("field `x`: {reason}"));
            }
        }
    };
}

field_of!('a booleans, bool, bool, x => x);
field_of!('a signed, i64, i64, x => x);
field_of!('a bytes8, u8, u8, x => x);
field_of!('a unsigned, u64, String, x => x.to_string());
field_of!('a narrow, i32, i32, x => x);
field_of!('a reals, f64, f64, x => x);
field_of!('a strings, String, String, x => x);
field_of!('a borrowed, &'a str, String, x => x.to_owned());
field_of!('a texts, Text<'a>, String, x => x.to_string());
field_of!('a optional, Option<i64>, Option<i64>, x => x);
field_of!('a blobs, Vec<u8>, Vec<u8>, x => x);
field_of!('a uuids, Uuid, Uuid, x => x);
field_of!('a times, Timestamp, Timestamp, x => x);
field_of!('a raw, Json, Json, x => x);
field_of!('a lists, Vec<i64>, Vec<i64>, x => x);
field_of!('a optional_lists, Option<Vec<String>>, Option<Vec<String>>, x => x);

#[test]
fn booleans_are_booleans() {
    booleans::reads(&[("true", json!(true)), ("false", json!(false))]);
    booleans::refuses("1", "expected a boolean, found an integer");
    booleans::refuses("null", "expected a boolean, found null");
    booleans::of(&["{}"]).then_fault_at(0, "field `x`: expected a boolean, found nothing");
}

#[test]
fn integers_are_checked_and_never_wrapped() {
    signed::reads(&[
        ("5", json!(5)),
        ("-9223372036854775808", json!(i64::MIN)),
        ("9223372036854775807", json!(i64::MAX)),
    ]);
    signed::reads(&[("5.0", json!(5)), ("1e3", json!(1000)), ("7", json!(7)), ("-0", json!(0)), ("-0.0", json!(0))]);
    signed::refuses("9223372036854775808", "9223372036854775808 is out of the range of i64");
    signed::refuses("1.5", "expected an integer, found a number with a fraction");
    signed::refuses("1e30", "expected an integer, found a number out of range");
    signed::refuses("\"5\"", "expected an integer, found a string");
    signed::refuses("[5]", "expected an integer, found an array");
    signed::refuses("{}", "expected an integer, found an object");
    bytes8::reads(&[("0", json!(0)), ("255", json!(255))]);
    bytes8::refuses("256", "256 is out of the range of u8");
    bytes8::refuses("-1", "-1 is out of the range of u8");
    narrow::refuses("2147483648", "2147483648 is out of the range of i32");
    unsigned::reads(&[("18446744073709551615", json!("18446744073709551615")), ("0", json!("0"))]);
    unsigned::refuses("-1", "-1 is out of the range of u64");
    unsigned::refuses("18446744073709551616", "18446744073709551616 is out of the range of u64");
}

#[test]
fn reals_hold_integers_only_exactly() {
    reals::reads(&[("1.5", json!(1.5)), ("3", json!(3.0)), ("-0.0", json!(-0.0)), ("1e300", json!(1e300))]);
    reals::reads(&[("9007199254740992", json!(9_007_199_254_740_992.0)), ("0.10000000000000000555", json!(0.1))]);
    reals::refuses("9007199254740993", "9007199254740993 has more digits than f64 holds");
    reals::refuses("1e400", "the number is out of the range of f64");
    reals::refuses("\"1.5\"", "expected a number, found a string");
}

#[test]
fn text_is_unescaped_whatever_it_comes_as() {
    let pairs =
        [("\"plain\"", json!("plain")), (r#""tab\t \u00e9 \ud83d\ude00""#, json!("tab\t é 😀")), ("\"\"", json!(""))];
    strings::reads(&pairs);
    borrowed::reads(&pairs);
    texts::reads(&pairs);
    strings::refuses("5", "expected a string, found an integer");
    strings::refuses(r#""\ud83d""#, "expected a string, found a string that is no valid Unicode");
}

#[test]
fn options_are_none_when_absent_or_null() {
    optional::reads(&[("5", json!(5)), ("null", json!(null))]);
    optional::of(&["{}", "{\"x\": 1}", "{\"x\": null}"])
        .then_table("found", json!([{"position": 1}, {"position": 2, "x": 1}, {"position": 3}]));
    optional::refuses("\"5\"", "expected an integer, found a string");
    // A payload that is no object has no fields.
    optional::of(&["[1]", "7"]).then_table("found", json!([{"position": 1}, {"position": 2}]));
}

#[test]
fn bytes_uuids_and_timestamps_are_checked_text() {
    blobs::reads(&[("\"AP8=\"", json!("AP8=")), ("\"\"", json!(""))]);
    blobs::refuses("\"A\"", "the string is no base64");
    uuids::reads(&[("\"67E55044-10B1-426F-9247-BB680E5FE0C8\"", json!("67e55044-10b1-426f-9247-bb680e5fe0c8"))]);
    uuids::refuses("\"67E55044\"", "the string is no UUID");
    times::reads(&[("\"2013-01-01T06:00:00+01:00\"", json!("2013-01-01T05:00:00Z"))]);
    times::refuses("\"2013-02-30T06:00:00Z\"", "the string is no RFC 3339 timestamp");
    times::refuses("0", "expected an RFC 3339 timestamp string, found an integer");
}

#[test]
fn json_is_the_same_from_every_column_kind() {
    raw::reads(&[
        ("5", json!(5)),
        ("1.50", json!(1.5)),
        ("\"a\\u0041\"", json!("aA")),
        ("{\"a\": [1]}", json!({"a": [1]})),
    ]);
    let digits = "123456789012345678901234567890";
    let found = raw::of(&[&format!("{{\"x\": {digits}}}")]).rows("found");
    assert_eq!(found[0]["x"].as_f64(), digits.parse().ok());
    lists::reads(&[("[1, 2]", json!([1, 2])), ("[]", json!([]))]);
    lists::refuses("5", "invalid type: integer `5`, expected a sequence");
    lists::of(&["{}"]).then_fault_at(0, "field `x`: expected a value, found nothing");
    optional_lists::reads(&[("[\"a\"]", json!(["a"])), ("null", json!(null))]);
}
