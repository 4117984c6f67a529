//! The SDK's bindings are those of the contract. They are checked in, since generating them takes longer than everything
//! else that a plugin's first build does. After a change of `wit/` or of wit-bindgen's version:
//!
//! ```text
//! UPDATE_BINDINGS=1 cargo test -p projectionist-sdk-macros --test bindings
//! ```

use std::path::Path;
use std::{env, fs};

use wit_bindgen_core::wit_parser::Resolve;
use wit_bindgen_core::{Files, WorldGenerator};

#[test]
fn the_bindings_are_those_of_the_contract() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let file = top.join("plugins/sdk/src/bindings/generated.rs");
    let generated = bindings(&top.join("wit/0.1.0"));
    if env::var_os("UPDATE_BINDINGS").is_some() {
        fs::write(&file, &generated).unwrap();
    }
    let checked_in = fs::read_to_string(&file).unwrap();
    let differs = generated.lines().zip(checked_in.lines()).position(|(new, old)| new != old);
    assert!(
        generated == checked_in,
        "{} is not what wit-bindgen makes of wit/0.1.0 (line {:?}): run this test with UPDATE_BINDINGS=1",
        file.display(),
        differs.map(|line| line + 1),
    );
}

fn bindings(wit: &Path) -> String {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_path(wit).unwrap();
    let world = resolve.select_world(&[package], Some("projection")).unwrap();
    let options = wit_bindgen_rust::Opts {
        format: true,
        pub_export_macro: true,
        export_macro_name: Some("export_component".into()),
        default_bindings_module: Some("projectionist_sdk::bindings".into()),
        ..Default::default()
    };
    let mut files = Files::default();
    options.build().generate(&mut resolve, world, &mut files).unwrap();
    let (_, text) = files.iter().next().unwrap();
    String::from_utf8(text.to_vec()).unwrap()
}
