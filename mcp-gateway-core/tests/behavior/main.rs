//! What every implementation of a trait must do, one file per trait.

#[cfg(test)]
mod approval;
#[cfg(test)]
mod audit;
#[cfg(test)]
mod catalog;
#[cfg(test)]
mod gateway;
#[cfg(test)]
mod host;
#[cfg(test)]
mod policy;
#[cfg(test)]
mod profile;
#[cfg(test)]
mod runtime;
#[cfg(test)]
mod secrets;
#[cfg(test)]
mod verify;
