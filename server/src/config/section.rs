//! Sections of the settings, `[mail]`, and variables: `PARTA_MAIL_HOST` is `host` in `[mail]`.

use toml::Value;

use super::{Config, people};
use crate::mail::settings as mail;
use crate::webhooks::settings as webhooks;

/// Takes a variable's text, in the type that its setting has. Variables that name no setting belong to somebody else.
pub(super) fn set(table: &mut toml::Table, key: &str, value: &str) {
    let Ok(defaults) = toml::Table::try_from(Config::default()) else {
        return;
    };
    if let Some(default) = defaults.get(key).filter(|default| !default.is_table()) {
        table.insert(key.to_owned(), typed(default, value));
        return;
    }
    let Some((section, key)) = key.split_once('_') else {
        return;
    };
    let Some(default) = defaults.get(section).and_then(|inner| inner.get(key)) else {
        return;
    };
    let inner = table
        .entry(section)
        .or_insert_with(|| Value::Table(toml::Table::new()));
    if let Some(inner) = inner.as_table_mut() {
        inner.insert(key.to_owned(), typed(default, value));
    }
}

fn typed(default: &Value, text: &str) -> Value {
    match default {
        Value::Integer(_) => text.parse().map_or_else(|_| text.into(), Value::Integer),
        Value::Boolean(_) => text.parse().map_or_else(|_| text.into(), Value::Boolean),
        Value::Array(_) => text
            .split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty())
            .collect::<Vec<_>>()
            .into(),
        Value::String(_) | Value::Float(_) | Value::Datetime(_) | Value::Table(_) => text.into(),
    }
}

/// The sections for the example.
pub(super) fn examples(schema: &serde_json::Value) -> String {
    [
        ("mail", &mail::ORDER[..], "MailSettings"),
        ("webhooks", &webhooks::ORDER[..], "WebhookSettings"),
        ("people", &people::ORDER[..], "PeopleSettings"),
    ]
    .map(|(name, order, settings)| example(name, order, &schema["$defs"][settings]))
    .concat()
}

/// A section: every setting with its default and its meaning.
fn example(name: &str, order: &[&str], schema: &serde_json::Value) -> String {
    let about = |value: &serde_json::Value| {
        let lines = value["description"].as_str().unwrap_or_default().lines();
        lines.map(|line| format!("# {line}\n")).collect::<String>()
    };
    let defaults = toml::Table::try_from(Config::default()).unwrap_or_default();
    let mut text = format!("\n{}[{name}]\n", about(schema));
    for key in order {
        if let Some(value) = defaults.get(name).and_then(|inner| inner.get(key)) {
            text += &format!("\n{}{key} = {value}\n", about(&schema["properties"][key]));
        }
    }
    text
}
