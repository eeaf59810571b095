//! One behaviour suite per trait, run on every implementation of it.

#[cfg(test)]
mod audit;
#[cfg(test)]
mod catalog;
#[cfg(test)]
mod profile;
#[cfg(test)]
mod secrets;
