//! What every implementation of a trait must do, one file per trait.

#[cfg(test)]
mod audit;
#[cfg(test)]
mod catalog;
#[cfg(test)]
mod profile;
#[cfg(test)]
mod secrets;
