//! Homes whose catalogs come from elsewhere.
