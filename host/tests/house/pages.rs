//! The **pages** of the documentation name files and modules: each of them is there.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::ORDER;

#[test]
fn every_path_in_the_architecture_page_exists() {
    let page = read("docs/ARCHITECTURE.md");
    let paths: Vec<&str> = in_backticks(&page).filter(|words| is_path(words)).collect();
    assert!(paths.len() > 20, "the page names {} paths: {paths:?}", paths.len());
    // Modules are named from the host's sources on, the rest from the top.
    let gone: Vec<_> = paths.iter().filter(|path| !["host/src", ""].iter().any(|from| exists(from, path))).collect();
    assert!(gone.is_empty(), "docs/ARCHITECTURE.md names what is not there: {gone:?}");
}

#[test]
fn the_code_map_has_every_module() {
    let page = read("docs/ARCHITECTURE.md");
    let map = page.split("| module |").nth(1).unwrap().split("\n\n").next().unwrap();
    let rows = map.lines().skip(2);
    let modules: Vec<&str> = rows.map(|row| in_backticks(row).next().unwrap()).collect();
    assert_eq!(modules, ORDER, "in reading order");
    let folders: BTreeSet<String> = fs::read_dir(top().join("host/src"))
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    assert_eq!(folders, ORDER.iter().map(|&name| name.to_owned()).collect());
}

#[test]
fn every_link_between_pages_leads_somewhere() {
    let mut links = 0;
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        for target in text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
            if target.contains("://") || target.starts_with('#') {
                continue;
            }
            let file = page.parent().unwrap().join(target.split('#').next().unwrap());
            assert!(file.exists(), "{} links to {target}", page.display());
            links += 1;
        }
    }
    assert!(links > 10, "only {links} links were found");
}

/// Words between backticks on one line; fenced blocks are left out.
fn in_backticks(page: &str) -> impl Iterator<Item = &str> {
    let lines = page.split("```").step_by(2).flat_map(str::lines);
    lines.flat_map(|line| line.split('`').skip(1).step_by(2))
}

fn is_path(words: &str) -> bool {
    !words.contains(' ') && (words.contains('/') || words.ends_with(".rs") || words.ends_with(".toml"))
}

fn exists(from: &str, path: &str) -> bool {
    let file = top().join(from).join(path);
    if path.ends_with('/') { file.is_dir() } else { file.exists() }
}

fn pages() -> Vec<PathBuf> {
    let of = |folder: &str| fs::read_dir(top().join(folder)).unwrap().map(|entry| entry.unwrap().path());
    let in_docs = of("docs").chain(of("docs/decisions")).filter(|path| path.extension().is_some_and(|end| end == "md"));
    ["README.md", "wit/README.md", "plugins/sdk/README.md", "sample-events/README.md"]
        .iter()
        .map(|page| top().join(page))
        .chain(in_docs)
        .collect()
}

fn read(page: &str) -> String {
    fs::read_to_string(top().join(page)).unwrap()
}

fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}
