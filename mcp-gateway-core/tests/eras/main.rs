//! Clients and servers of both eras, through one gateway: whoever meets whom, nothing is lost and nothing crosses.

#[cfg(test)]
mod asked;
#[cfg(test)]
mod bench;
#[cfg(test)]
mod client;
#[cfg(test)]
mod dynamic;
#[cfg(test)]
mod edges;
#[cfg(test)]
mod governed;
#[cfg(test)]
mod leftovers;
#[cfg(test)]
mod listening;
#[cfg(test)]
mod offers;
#[cfg(test)]
mod server;
#[cfg(test)]
mod tasks;
#[cfg(test)]
mod told;
#[cfg(feature = "transport-http")]
#[cfg(test)]
mod typed;
