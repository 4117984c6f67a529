//! **Generates** JSON: everything that is hard to keep, mixed with what is usual.

use proptest::prelude::*;

/// Any JSON text; scalars mostly of a few kinds, so that columns of one kind do arise.
pub fn json() -> impl Strategy<Value = String> {
    let string = prop_oneof![
        prop_oneof![Just("x"), Just("y"), Just("zz")].prop_map(|text| format!("\"{text}\"")),
        any::<String>().prop_map(|text| serde_json::Value::from(text).to_string()),
        prop_oneof![
            Just(r#""\ud800""#),
            Just(r#""\ud83d\ude00""#),
            Just(r#""😀""#),
            Just(r#""\/\u0041\"\\""#),
            Just(r#""""#),
            Just(r#""a\udc00b""#),
            Just(r#""{\"a\":1}""#)
        ]
        .prop_map(str::to_owned),
        "[a-z]{200,400}".prop_map(|text| format!("\"{text}\"")),
    ];
    let number = prop_oneof![
        any::<i64>().prop_map(|n| n.to_string()),
        (-5i64..5).prop_map(|n| n.to_string()),
        any::<f64>().prop_filter("finite", |n| n.is_finite()).prop_map(|n| format!("{n:e}")),
        (-1000i64..1000).prop_map(|n| format!("{:.2}", n as f64 / 8.0)),
        prop_oneof![
            Just("-0"),
            Just("-0.0"),
            Just("0.0"),
            Just("0e0"),
            Just("1e400"),
            Just("-1E400"),
            Just("1e-400"),
            Just("1e2"),
            Just("9007199254740992"),
            Just("9007199254740993"),
            Just("9007199254740993.0"),
            Just("9223372036854775807"),
            Just("9223372036854775808"),
            Just("-9223372036854775808"),
            Just("-9223372036854775809"),
            Just("18446744073709551615"),
            Just("18446744073709551616"),
            Just("10000000000000000000"),
            Just("1.50"),
            Just("0.1000000000000000055511151231257827"),
            Just("5e-324"),
            Just("3e-324"),
            Just("123456789012345678e-3")
        ]
        .prop_map(str::to_owned),
    ];
    let scalar = prop_oneof![
        3 => string,
        4 => number,
        1 => prop_oneof![Just("null"), Just("true"), Just("false")].prop_map(str::to_owned),
    ];
    scalar.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(|list| format!("[{}]", list.join(" , "))),
            object(inner),
        ]
    })
}

/// An object with keys from few, twice sometimes, escaped sometimes.
pub fn object(value: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    let key = prop_oneof![
        6 => Just(r#""a""#), 6 => Just(r#""b""#), 2 => Just(r#""""#), 2 => Just(r#""ü\n""#), 1 => Just(r#""\u0061""#),
        1 => Just(r#""c""#), 1 => Just(r#""\ud800""#), 1 => Just(r#""\u00fc\u000A""#)
    ];
    proptest::collection::vec((key, value), 0..6).prop_map(|members| {
        let members: Vec<String> = members.iter().map(|(key, value)| format!("{key}\t: {value}")).collect();
        format!(" {{ {} }}", members.join(" ,\n"))
    })
}
