//! An **inspection** says what a file is before anything of it is compiled or run.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;

use wasmparser::{Encoding, Parser, Payload};

use crate::event::{Fault, FaultKind, Result};

/// The contract version that this host speaks.
pub const CONTRACT: &str = "0.1.0";

/// Larger plugin files are refused, in bytes: 64 MiB. Rust projections have some 100 KiB.
pub const FILE_BYTES_MAX: usize = 64 << 20;

const PACKAGE: &str = "projectionist:projection/";

/// What a plugin file says of itself in its imports and exports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// The contract version that it was built for, when it names one.
    pub contract: Option<String>,
    /// The names of its imports, sorted: interfaces, as `projectionist:projection/tables@0.1.0`, or what a core
    /// module imports from.
    pub imports: Vec<String>,
    /// The names of its exports, sorted.
    pub exports: Vec<String>,
    /// Whether it is a component already; otherwise a core module that carries its component type.
    pub is_component: bool,
    /// The size of the file.
    pub bytes: usize,
}

/// Reads a plugin file, as far as plugins may be long: one byte beyond the limit is enough for [`inspect`] to refuse it.
/// Only regular files: a pipe or a device would never end.
pub fn read_file(path: &Path) -> Result<Vec<u8>> {
    let failed = |error: std::io::Error| {
        let fault = Fault::storage(format!("reading {}", path.display()), &error);
        match error.kind() {
            // Whoever put it there may be about to say who may read it.
            std::io::ErrorKind::PermissionDenied => fault.hint("let the host's user read it").retriable(),
            _ => fault,
        }
    };
    let found = std::fs::metadata(path).map_err(failed)?;
    if !found.is_file() {
        return Err(incompatible(format!("{} is not a regular file", path.display()))
            .hint("a plugin is a `.wasm` file, as `projectionist new` and `dev` make them"));
    }
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    file.take(FILE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

/// Reads what a plugin file is; compiles and runs nothing. Fails when it is no WebAssembly, or a core module without
/// a component type; whether the host can run it is for [`Inspection::check`] to say.
pub fn inspect(bytes: &[u8]) -> Result<Inspection> {
    if bytes.len() > FILE_BYTES_MAX {
        return Err(incompatible(format!(
            "the file has more than {} MiB, the most that a plugin may have",
            FILE_BYTES_MAX >> 20
        ))
        .hint("build it with `--release` or the profile of `projectionist new`, which leave debug information out"));
    }
    if !bytes.starts_with(b"\0asm") {
        return Err(not_wasm(bytes));
    }
    let names = read(bytes).map_err(|broken| match broken {
        Broken::Cut => incompatible("the file is cut short: it starts as WebAssembly and ends in the middle")
            .hint("copy it again; write it under another name and rename it when it is whole"),
        Broken::Damaged(error) => {
            incompatible(format!("the file is damaged: {} at byte {:#x}", error.message(), error.offset()))
                .hint("build it or copy it again")
        }
    })?;
    if !names.is_component && !names.has_component_type {
        return Err(incompatible("it is a plain WebAssembly module without a component type")
            .hint("a projection is built with the SDK: implement `Projection` and end with `export!`"));
    }
    let imports: Vec<String> = names.imports.into_iter().collect();
    let exports: Vec<String> = names.exports.into_iter().collect();
    let contract = exports.iter().chain(&imports).find_map(|name| contract_of(name)).map(str::to_owned);
    Ok(Inspection { contract, imports, exports, is_component: names.is_component, bytes: bytes.len() })
}

impl Inspection {
    /// Whether this host can run the plugin; the fault says why not, and what to do.
    pub fn check(&self) -> Result<()> {
        if let Some(other) = self
            .imports
            .iter()
            .chain(&self.exports)
            .filter_map(|name| contract_of(name))
            .find(|other| *other != CONTRACT)
        {
            return Err(incompatible(format!("built for contract {other}; this host speaks {CONTRACT}"))
                .hint("build it again with the SDK of this host's release"));
        }
        if let Some(import) = self.imports.iter().find(|import| !is_known(import)) {
            return Err(unknown_import(import));
        }
        let projector = format!("{PACKAGE}projector@{CONTRACT}");
        if !self.exports.contains(&projector) {
            return Err(incompatible(format!("it does not export `{projector}`, so it is no projection"))
                .hint("a projection made with the SDK ends with `export!(...)`, in a crate of type `cdylib`"));
        }
        Ok(())
    }
}

/// `0.1.0` of `projectionist:projection/tables@0.1.0`.
fn contract_of(name: &str) -> Option<&str> {
    name.strip_prefix(PACKAGE)?.split_once('@').map(|(_, contract)| contract)
}

fn is_known(import: &str) -> bool {
    let interface = import.strip_prefix(PACKAGE).and_then(|rest| rest.split('@').next());
    // The interfaces without functions are imported by components for their types.
    matches!(interface, Some("tables" | "logging" | "columns" | "events" | "faults" | "manifests"))
}

fn unknown_import(import: &str) -> Fault {
    let fault = incompatible(format!("it imports `{}`, which this host does not provide", import.escape_debug()));
    if import.starts_with("wasi") {
        return fault.hint(
            "a projection has no files, clock or network; build it with `--target wasm32-unknown-unknown`, not for WASI",
        );
    }
    if import.contains("wbindgen") {
        return fault.hint(
            "a dependency was built for JavaScript (wasm-bindgen); turn off its `js` or `wasmbind` feature, or do without it",
        );
    }
    fault.hint(
        "a projection calls nothing but the contract's `tables` and `logging`; find the dependency that wants more",
    )
}

#[derive(Default)]
struct Names {
    imports: BTreeSet<String>,
    exports: BTreeSet<String>,
    is_component: bool,
    has_component_type: bool,
}

enum Broken {
    /// The file ends within a section.
    Cut,
    Damaged(wasmparser::Error),
}

impl From<wasmparser::Error> for Broken {
    /// Inside of a section that is there as a whole.
    fn from(error: wasmparser::Error) -> Broken {
        Broken::Damaged(error)
    }
}

/// The names at the file's own level; what lies in nested modules and components is its own affair.
fn read(bytes: &[u8]) -> Result<Names, Broken> {
    let mut names = Names::default();
    let mut depth = 0u32;
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload.map_err(|error| match error.message().contains("unexpected end") {
            true => Broken::Cut,
            false => Broken::Damaged(error),
        })?;
        match payload {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            _ if depth > 0 => {}
            Payload::Version { encoding, .. } => names.is_component = encoding == Encoding::Component,
            Payload::ComponentImportSection(section) => {
                for import in section {
                    names.imports.insert(import?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(section) => {
                for export in section {
                    names.exports.insert(export?.name.name.to_owned());
                }
            }
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    names.imports.insert(import?.module.to_owned());
                }
            }
            Payload::ExportSection(section) => {
                for export in section {
                    // A core module exports `interface#function`, and `cabi_post_interface#function` to clean up.
                    let function = export?.name.split_once('#');
                    if let Some((interface, _)) = function.filter(|(interface, _)| !interface.starts_with("cabi_")) {
                        names.exports.insert(interface.to_owned());
                    }
                }
            }
            Payload::CustomSection(section) => {
                names.has_component_type |= section.name().starts_with("component-type");
            }
            _ => {}
        }
    }
    Ok(names)
}

fn not_wasm(bytes: &[u8]) -> Fault {
    let text = std::str::from_utf8(&bytes[..bytes.len().min(64)]);
    let looks = match bytes {
        [] => "the file is empty",
        [0, b'a', ..] | [0] => "the file is cut short within its first four bytes",
        [0x7f, b'E', b'L', b'F', ..] | [b'M', b'Z', ..] | [0xcf, 0xfa, 0xed, 0xfe, ..] => {
            return incompatible("the file is a native program or library, not WebAssembly")
                .hint("build it with `--target wasm32-unknown-unknown`");
        }
        [0x1f, 0x8b, ..] | [b'P', b'K', 3, 4, ..] | [0x28, 0xb5, 0x2f, 0xfd, ..] => {
            return incompatible("the file is compressed").hint("unpack it first");
        }
        _ if text.is_ok_and(|text| {
            text.trim_start().starts_with("(module") || text.trim_start().starts_with("(component")
        }) =>
        {
            return incompatible("the file is WebAssembly in text form").hint("assemble it: `wasm-tools parse`");
        }
        _ if text.map_or_else(|error| error.valid_up_to() > 16, |text| !text.contains('\0')) => {
            "the file is text, not WebAssembly"
        }
        _ => "the file is not WebAssembly",
    };
    incompatible(looks).hint("put a plugin there, as `cargo build --target wasm32-unknown-unknown` makes it")
}

fn incompatible(message: impl Into<String>) -> Fault {
    Fault::new(FaultKind::Incompatible, message)
}
