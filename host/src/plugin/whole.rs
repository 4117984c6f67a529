//! Whether a plugin file is **whole**, or still being written.

use wasmparser::{Chunk, Parser, Payload};

/// Whether the file ends where one of its sections ends. A file that is damaged otherwise counts as whole: waiting
/// will not mend it. Empty files and ones that do not start like WebAssembly's first bytes are not.
pub fn is_whole(bytes: &[u8]) -> bool {
    if bytes.len() < 8 && b"\0asm".starts_with(&bytes[..bytes.len().min(4)]) {
        return false;
    }
    let mut parser = Parser::new(0);
    let mut outer = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        match parser.parse(rest, false) {
            Err(_) => return true,
            Ok(Chunk::NeedMoreData(_)) => return false,
            Ok(Chunk::Parsed { consumed, payload }) => {
                rest = &rest[consumed..];
                match payload {
                    Payload::ModuleSection { parser: inner, unchecked_range: range }
                    | Payload::ComponentSection { parser: inner, unchecked_range: range } => {
                        outer.push((std::mem::replace(&mut parser, inner), range.end));
                    }
                    Payload::End(_) => match outer.pop() {
                        Some((next, _)) => parser = next,
                        None => return true,
                    },
                    _ => {}
                }
            }
        }
    }
    // The end of what is nested is only told once something follows; it may be the last there is.
    outer.iter().all(|(_, end)| *end == bytes.len() as u64)
}

#[cfg(test)]
mod tests {
    use super::is_whole;

    #[test]
    fn a_file_is_whole_only_at_the_end_of_a_section() {
        let module = wat::parse_str("(module (func (export \"f\") (result i32) i32.const 7) (memory 1))").unwrap();
        let component = wat::parse_str("(component (core module (func) (memory 1)) (core module (func)))").unwrap();
        for file in [module, component] {
            assert!(is_whole(&file));
            let cuts = (0..file.len()).filter(|&length| is_whole(&file[..length])).count();
            assert!(cuts <= 8, "{cuts} cuts of {} bytes look whole", file.len());
        }
        assert!(!is_whole(b""));
        assert!(is_whole(b"this is text"), "waiting does not make it a module");
    }
}
