//! What is refused before anything of it runs, and in which words.

use projectionist::event::{Fault, FaultKind};
use projectionist::plugin::{CONTRACT, FILE_BYTES_MAX, Limits, inspect};

use crate::fixture::{load, misbehaving_bytes};

fn refused(bytes: &[u8]) -> Fault {
    let fault = load(bytes, &Limits::default()).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Incompatible, "{fault}");
    assert!(fault.hint.is_some(), "{fault}");
    fault
}

fn component(text: &str) -> Vec<u8> {
    wat::parse_str(format!("(component {text})")).unwrap()
}

#[test]
fn a_core_module_with_a_component_type_is_a_plugin() {
    let inspection = inspect(misbehaving_bytes()).unwrap();
    assert!(!inspection.is_component);
    assert_eq!(inspection.contract.as_deref(), Some(CONTRACT));
    assert_eq!(inspection.exports, ["projectionist:projection/projector@0.1.0"]);
    assert_eq!(inspection.imports, ["projectionist:projection/logging@0.1.0", "projectionist:projection/tables@0.1.0"]);
    assert_eq!(inspection.bytes, misbehaving_bytes().len());
    inspection.check().unwrap();
}

#[test]
fn a_component_is_a_plugin() {
    let bytes = wit_component::ComponentEncoder::default().module(misbehaving_bytes()).unwrap().encode().unwrap();
    let inspection = inspect(&bytes).unwrap();
    assert!(inspection.is_component);
    inspection.check().unwrap();
    let plugin = load(&bytes, &Limits::default()).unwrap();
    assert_eq!(plugin.manifest().name, "misbehaving");
}

#[test]
fn what_is_not_wasm_is_named() {
    let cases: [(&[u8], &str); 10] = [
        (b"", "the file is empty"),
        (b"\0as", "cut short within its first four bytes"),
        (b"{\"json\": true}", "the file is text, not WebAssembly"),
        ("Grüße".as_bytes(), "the file is text, not WebAssembly"),
        (b"\n(module)", "WebAssembly in text form"),
        (b"\x7fELF\x02\x01\x01\0", "a native program or library"),
        (b"\x1f\x8b\x08\0\0", "the file is compressed"),
        (b"\x28\xb5\x2f\xfd", "the file is compressed"),
        (b"\x01\x02\xff\xfe", "the file is not WebAssembly"),
        (b"\0asm\x01\0\0\0\x02\x03\x01\x09\x00", "the file is damaged"),
    ];
    for (bytes, says) in cases {
        let fault = load(bytes, &Limits::default()).unwrap_err();
        assert!(fault.message.contains(says), "{fault} is not {says:?}");
        assert_eq!(fault.kind, FaultKind::Incompatible);
    }
}

#[test]
fn a_file_cut_anywhere_is_refused_and_never_crashes() {
    let whole = misbehaving_bytes();
    // The end is left out: trailing custom sections (names, producers) can be cut off between two sections.
    for length in (0..whole.len() * 9 / 10).step_by(997) {
        let fault = load(&whole[..length], &Limits::default()).unwrap_err();
        assert_eq!(fault.kind, FaultKind::Incompatible, "{length}: {fault}");
    }
    let fault = refused(&whole[..whole.len() / 2]);
    assert!(fault.message.contains("cut short"), "{fault}");
}

#[test]
fn damaged_bytes_are_refused_or_run_but_never_crash() {
    // Single flips all over the file; some still make a plugin, which is fine.
    let whole = misbehaving_bytes();
    let limits = Limits { call_ms_max: 200, ..Limits::default() };
    for place in (8..whole.len()).step_by(whole.len() / 24) {
        let mut damaged = whole.to_vec();
        damaged[place] ^= 0x15;
        if let Err(fault) = load(&damaged, &limits) {
            assert!(!fault.message.is_empty());
        }
    }
}

#[test]
fn a_plain_module_is_pointed_to_the_sdk() {
    let fault = refused(&wat::parse_str("(module (func (export \"run\")))").unwrap());
    assert_eq!(fault.message, "it is a plain WebAssembly module without a component type");
    assert!(fault.hint.as_ref().unwrap().contains("export!"));
}

#[test]
fn another_contract_version_is_refused_by_its_name() {
    for text in [
        "(instance $i) (export \"projectionist:projection/projector@0.2.0\" (instance $i))",
        "(import \"projectionist:projection/tables@0.2.0\" (instance))",
    ] {
        let fault = refused(&component(text));
        assert_eq!(fault.message, "built for contract 0.2.0; this host speaks 0.1.0");
    }
}

#[test]
fn a_component_that_is_no_projection_is_refused() {
    let fault = refused(&component(""));
    assert!(fault.message.contains("does not export `projectionist:projection/projector@0.1.0`"), "{fault}");
}

#[test]
fn an_unknown_import_is_named() {
    let fault = refused(&component("(import \"acme:clock/now\" (instance))"));
    assert!(fault.message.contains("it imports `acme:clock/now`"), "{fault}");
}

#[test]
fn wasi_is_refused_with_the_target_to_use() {
    let text =
        "(import \"wasi:cli/environment@0.2.0\" (instance (export \"get-arguments\" (func (result (list string))))))";
    let fault = refused(&component(text));
    assert!(fault.message.contains("it imports `wasi:cli/environment@0.2.0`"), "{fault}");
    assert!(fault.hint.as_ref().unwrap().contains("--target wasm32-unknown-unknown"));
}

#[test]
fn a_core_module_with_a_foreign_import_is_refused() {
    // A module as a toolchain for WASI makes it: its own component type, and imports of another world.
    let module = "(module (import \"wasi_snapshot_preview1\" \"fd_write\" (func (param i32 i32 i32 i32) (result i32))) \
                  (@custom \"component-type:x\" \"\"))";
    let fault = refused(&wat::parse_str(module).unwrap());
    assert!(fault.message.contains("it imports `wasi_snapshot_preview1`"), "{fault}");
    let module = "(module (import \"__wbindgen_placeholder__\" \"x\" (func)) (@custom \"component-type:x\" \"\"))";
    let fault = refused(&wat::parse_str(module).unwrap());
    assert!(fault.hint.as_ref().unwrap().contains("wasm-bindgen"), "{fault}");
}

#[test]
fn functions_of_other_types_are_refused() {
    let text = "(core module $m (func (export \"f\"))) (core instance $m (instantiate $m)) \
                (func $f (canon lift (core func $m \"f\"))) (instance $i (export \"manifest\" (func $f))) \
                (export \"projectionist:projection/projector@0.1.0\" (instance $i))";
    let fault = refused(&component(text));
    assert!(fault.message.contains("does not fit the contract"), "{fault}");
}

#[test]
fn relaxed_simd_and_threads_are_refused() {
    let simd = "(core module (func (param v128 v128 v128) (result v128) \
                (f32x4.relaxed_madd (local.get 0) (local.get 1) (local.get 2))))";
    let threads = "(core module (memory 1 1 shared))";
    for module in [simd, threads] {
        let text =
            format!("{module} (instance $i) (export \"projectionist:projection/projector@0.1.0\" (instance $i))");
        let fault = load(&component(&text), &Limits::default()).unwrap_err();
        assert!(fault.message.starts_with("it does not compile: "), "{fault}");
    }
}

#[test]
fn a_file_too_large_is_refused() {
    let mut bytes = misbehaving_bytes().to_vec();
    bytes.resize(FILE_BYTES_MAX + 1, 0);
    assert!(refused(&bytes).message.contains("more than 64 MiB"));
}
