//! The rules of the house that a compiler does not see: who may import whom, and what no file may hold.
//! It stands here because this is the crate that all others lean on.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Who may depend on whom among the workspace's crates.
const EDGES: [(&str, &[&str]); 4] = [
    ("protocol", &[]),
    ("signalling", &[]),
    ("loadtest", &["protocol"]),
    ("server", &["protocol", "signalling"]),
];
const LINES_MAX: usize = 600;
const CODE: [&str; 7] = ["rs", "ts", "svelte", "mjs", "js", "css", "sh"];
const NOT_OURS: [&str; 8] = [
    ".git",
    ".svelte-kit",
    "build",
    "coverage",
    "data",
    "node_modules",
    "target",
    "test-results",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Text files under a folder of the repository, by their path from its root.
fn files(under: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root().join(under)];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries {
            let path = entry.expect("an entry").path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if path.is_symlink() || NOT_OURS.contains(&&*name) {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(text) = fs::read_to_string(&path) {
                let from_root = path.strip_prefix(root()).expect("below the root");
                found.insert(from_root.to_string_lossy().into_owned(), text);
            }
        }
    }
    found
}

/// The lines of code, each without its comment.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().map(|(at, line)| {
        let line = line.split("//").next().unwrap_or_default();
        (at + 1, line)
    })
}

fn has_word(line: &str, word: &str) -> bool {
    line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .any(|part| part == word)
}

/// Fails with every place in Rust code under `folder` that names one of `words`, but for files in the `except` folders,
/// each written with its last slash.
fn refuse_words(folder: &str, words: &[&str], except: &[&str]) {
    let places: Vec<String> = files(folder)
        .iter()
        .filter(|(path, _)| {
            path.ends_with(".rs") && !except.iter().any(|folder| path.starts_with(folder))
        })
        .flat_map(|(path, text)| {
            code(text)
                .filter(|(_, line)| words.iter().any(|word| has_word(line, word)))
                .map(|(at, line)| format!("{path}:{at}: {}", line.trim()))
                .collect::<Vec<_>>()
        })
        .collect();
    assert!(
        places.is_empty(),
        "{words:?} do not belong here:\n{}",
        places.join("\n")
    );
}

fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version=1"])
        .current_dir(root())
        .output()
        .expect("cargo metadata");
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("metadata");
    let packages = metadata["packages"].as_array().expect("packages");
    packages
        .iter()
        .map(|package| {
            let needs = package["dependencies"].as_array().expect("dependencies");
            let name = |value: &serde_json::Value| value["name"].as_str().map(str::to_owned);
            (
                name(package).expect("a name"),
                needs.iter().filter_map(name).collect(),
            )
        })
        .collect()
}

#[test]
fn crates_depend_on_each_other_in_one_direction() {
    let dependencies = dependencies();
    let members: BTreeSet<&str> = dependencies.keys().map(String::as_str).collect();
    assert_eq!(
        members,
        EDGES.iter().map(|(name, _)| *name).collect(),
        "EDGES lists every crate"
    );
    for (name, allowed) in EDGES {
        for other in &dependencies[name] {
            assert!(
                !members.contains(other.as_str()) || allowed.contains(&other.as_str()),
                "{name} must not depend on {other}"
            );
        }
    }
    for (name, needs) in &dependencies {
        assert!(
            name == "signalling" || !needs.contains("str0m"),
            "{name} must not depend on str0m"
        );
    }
    assert!(
        !dependencies["signalling"].contains("serde_json"),
        "signalling speaks no JSON"
    );
}

#[test]
fn the_media_engine_is_touched_in_one_folder() {
    refuse_words("signalling/src", &["str0m"], &["signalling/src/sfu/peer/"]);
    refuse_words("server", &["str0m"], &[]);
    refuse_words("loadtest", &["str0m"], &[]);
}

#[test]
fn the_media_engine_never_speaks_the_hubs_json() {
    refuse_words("signalling", &["protocol", "serde_json"], &[]);
}

#[test]
fn the_hub_touches_no_socket_and_no_sql() {
    refuse_words("server/src/hub", &["sqlx", "tokio", "axum"], &[]);
}

#[test]
fn the_protocol_knows_no_time_and_no_io() {
    refuse_words(
        "protocol/src",
        &["tokio", "Instant", "SystemTime", "fs", "net"],
        &[],
    );
}

#[test]
fn the_clients_core_imports_no_framework() {
    for (path, text) in files("client-web/src/core") {
        for (at, line) in code(&text) {
            let import = line.contains("import") || line.contains(" from ");
            for framework in [
                "'svelte",
                "\"svelte",
                ".svelte'",
                ".svelte\"",
                "$app/",
                "$lib",
            ] {
                assert!(
                    !(import && line.contains(framework)),
                    "{path}:{at}: {}",
                    line.trim()
                );
            }
        }
    }
}

#[test]
fn every_crate_takes_the_workspaces_lints() {
    let workspace = fs::read_to_string(root().join("Cargo.toml")).expect("Cargo.toml");
    assert!(workspace.contains("unsafe_code = \"forbid\""));
    for (name, _) in EDGES {
        let manifest = root().join(name).join("Cargo.toml");
        let text = fs::read_to_string(manifest).expect("a manifest");
        assert!(text.contains("[lints]\nworkspace = true"), "{name}");
    }
}

#[test]
fn a_file_fits_in_a_head() {
    for (path, text) in files("") {
        let made = path.starts_with("client-web/src/core/wire/") || path.contains("/fixtures/");
        let is_code = CODE.iter().any(|end| path.ends_with(&format!(".{end}")));
        let lines = text.lines().count();
        assert!(
            made || !is_code || lines <= LINES_MAX,
            "{path} has {lines} lines"
        );
    }
}

#[test]
fn no_file_names_the_machine_it_was_written_on() {
    let here = concat!("/wo", "rk/");
    for (path, text) in files("") {
        assert!(!text.contains(here), "{path} names {here}");
    }
}

#[test]
fn a_name_says_what_the_thing_does() {
    for (path, text) in files("") {
        for word in ["Manager", "Helper", "Util"] {
            let named = |line: &str| {
                let mut words = line.split_whitespace();
                words
                    .any(|kind| matches!(kind, "struct" | "enum" | "trait" | "class" | "interface"))
                    && words.next().is_some_and(|name| {
                        name.trim_end_matches(|c: char| !c.is_alphanumeric())
                            .ends_with(word)
                    })
            };
            let code_file = CODE.iter().any(|end| path.ends_with(&format!(".{end}")));
            let found = code(&text).find(|(_, line)| code_file && named(line));
            assert_eq!(found, None, "{path}");
        }
    }
}

#[test]
fn every_promise_has_its_test() {
    let page = fs::read_to_string(root().join("docs/PROMISES.md")).expect("docs/PROMISES.md");
    let sources: Vec<String> = ["protocol", "server", "signalling", "loadtest"]
        .iter()
        .flat_map(|folder| files(folder))
        .filter(|(path, _)| path.ends_with(".rs"))
        .map(|(_, text)| text)
        .collect();
    let rows = page
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| ---"))
        .filter_map(|line| line.trim_end_matches(" |").rsplit_once(" | "))
        .filter(|(_, tests)| *tests != "test");
    let mut named = 0;
    for (promise, tests) in rows {
        for test in tests.split(", ") {
            let found = match test.trim_matches('`') {
                path if path.contains('/') => root().join(path).is_file(),
                scenario if scenario.starts_with("parta-load ") => true,
                name => {
                    let declared = format!("fn {name}(");
                    sources.iter().any(|text| text.contains(&declared))
                }
            };
            assert!(found, "{promise}: there is no {test}");
            named += 1;
        }
    }
    assert!(named > 20, "the table has another form");
}
