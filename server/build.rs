//! Rebuilds the binary when the web client, which is embedded in it, was built anew.

fn main() {
    println!("cargo:rerun-if-changed=../client-web/build");
    println!("cargo:rerun-if-changed=migrations");
}
