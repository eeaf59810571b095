//! Lets macOS link the module without the symbols that the Python process will have.

fn main() {
    pyo3_build_config::add_extension_module_link_args();
}
