//! Official SDKs as clients of the binary.
