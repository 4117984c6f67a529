//! CloudEvents.

use projectionist::import::Options;

use super::{bring, payloads, seen};
use crate::store;

#[test]
fn cloud_events_are_mapped() {
    let (_folder, store) = store();
    let text = r#"{"specversion":"1.0","id":"1","source":"/shop","type":"order.placed","subject":"order-7","time":"2013-01-01T00:00:00Z","data":{"a": 1},"datacontenttype":"application/json","traceparent":"00-x"}
{"specversion":"1.0","id":"2","source":"/shop","type":"ping"}
{"specversion":"1.0","id":"3","source":"/shop","type":"blob","data_base64":"AAEC"}
"#;
    assert_eq!(bring(&store, text, Options::default()).unwrap().added, 3);
    let seen = seen(&store);
    assert_eq!((seen[0].stream.as_str(), seen[0].type_name.as_str()), ("order-7", "order.placed"));
    assert_eq!((seen[0].id.as_str(), seen[0].data.as_str()), ("/shop 1", "{\"a\": 1}"));
    assert_eq!(
        seen[0].metadata.as_deref(),
        Some(
            r#"{"specversion":"1.0","id":"1","source":"/shop","subject":"order-7","datacontenttype":"application/json","traceparent":"00-x"}"#
        )
    );
    assert_eq!((seen[1].stream.as_str(), seen[1].data.as_str()), ("/shop", "null"));
    assert_eq!(seen[2].data, "{\"data_base64\":\"AAEC\"}");
    assert_eq!(bring(&store, text, Options::default()).unwrap().already_there, 3);
}

/// A CloudEvent whose payload is in base64.
fn with_base64(content_type: Option<&str>, base64: &str) -> String {
    let content_type = content_type.map(|name| format!(",\"datacontenttype\":\"{name}\"")).unwrap_or_default();
    format!(
        "{{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/s\",\"type\":\"t\"{content_type},\"data_base64\":\"{base64}\"}}\n"
    )
}

#[test]
fn json_in_base64_is_the_payload() {
    // {"a":2}, with a byte order mark before it in the last.
    for (content_type, base64) in [
        ("application/json", "eyJhIjoyfQ=="),
        ("text/json", "eyJhIjoyfQ=="),
        ("Application/JSON; charset=utf-8", "eyJhIjoyfQ=="),
        ("application/vnd.shop.order+json", "eyJhIjoyfQ=="),
        ("application/ld+json;profile=x", "77u/eyJhIjoyfQ=="),
    ] {
        let (_folder, store) = store();
        bring(&store, with_base64(Some(content_type), base64), Options::default()).unwrap();
        assert_eq!(payloads(&store), ["{\"a\":2}"], "{content_type}");
    }
}

#[test]
fn what_is_no_json_stays_base64() {
    for content_type in [None, Some("application/octet-stream"), Some("application/jsonish"), Some("json"), Some("")] {
        let (_folder, store) = store();
        bring(&store, with_base64(content_type, "eyJhIjoyfQ=="), Options::default()).unwrap();
        assert_eq!(payloads(&store), ["{\"data_base64\":\"eyJhIjoyfQ==\"}"], "{content_type:?}");
    }
}

#[test]
fn base64_that_does_not_hold_what_it_says_is_a_bad_line() {
    for (base64, reason) in [
        ("!", "`data_base64`: "),
        ("eyJhIjoy", "does not hold JSON"), // {"a":2
        ("/w==", "does not hold JSON"),     // no text
        ("", "does not hold JSON"),
        ("MSAy", "does not hold JSON"), // 1 2
    ] {
        let (_folder, store) = store();
        let fault = bring(&store, with_base64(Some("application/json"), base64), Options::default()).unwrap_err();
        assert!(fault.message.starts_with("events.jsonl:1:"), "{fault}");
        assert!(fault.message.contains(reason), "{base64}: {fault}");
    }
}

#[test]
fn a_time_that_is_finer_than_a_microsecond_stays_in_the_metadata() {
    let (_folder, store) = store();
    let event = |time: &str| {
        format!("{{\"specversion\":\"1.0\",\"id\":\"{time}\",\"source\":\"/s\",\"type\":\"t\",\"time\":\"{time}\"}}\n")
    };
    bring(&store, event("2013-01-01T00:00:00.1234567Z") + &event("2013-01-01T00:00:00.123456Z"), Options::default())
        .unwrap();
    let seen = seen(&store);
    assert_eq!(seen[0].time, seen[1].time);
    assert!(seen[0].metadata.as_ref().unwrap().ends_with(",\"time\":\"2013-01-01T00:00:00.1234567Z\"}"));
    assert!(!seen[1].metadata.as_ref().unwrap().contains("time"));
}
