//! Lets every platform link the addon without the symbols that the Node process will have.

fn main() {
    napi_build::setup();
}
