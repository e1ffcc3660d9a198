//! What the protocol's tests share.

use serde::de::DeserializeOwned;
use serde_json::Value;

/// The wire names of an enum's variants, as serde lists them when it refuses a name that no variant has: a
/// variant that is added shows up here by itself.
pub(crate) fn wire_names<T: DeserializeOwned>(unknown: Value) -> Vec<String> {
    let Err(error) = serde_json::from_value::<T>(unknown) else {
        panic!("the probe was accepted");
    };
    let text = error.to_string();
    let names: Vec<String> = text
        .split('`')
        .skip(3)
        .step_by(2)
        .map(str::to_owned)
        .collect();
    assert!(names.len() > 1, "no list of variants in {text:?}");
    names
}
