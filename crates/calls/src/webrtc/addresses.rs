//! The machine's own addresses, the likeliest to be reached first.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
};

/// Addresses that are used beside loopback's two. What a machine has beyond that (container bridges, mostly) leads to no
/// browser.
const MAX: usize = 14;

/// Never sent to: they stand for all addresses that only the default route leads to.
const AFAR: [IpAddr; 2] =
    [IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1))];

/// Those of the default routes, then those of other interfaces, then loopback's, since a page may be open on the machine
/// itself.
pub(super) fn local() -> Vec<IpAddr> {
    let mut found = Vec::new();
    for address in AFAR.into_iter().filter_map(toward).chain(interfaces()) {
        if usable(address) && !address.is_loopback() && !found.contains(&address) && found.len() < MAX {
            found.push(address);
        }
    }
    found.extend([IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)]);
    found
}

/// The address that the system would send from. Connecting a UDP socket sends nothing.
fn toward(target: IpAddr) -> Option<IpAddr> {
    let any: IpAddr = if target.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind(SocketAddr::new(any, 0)).ok()?;
    socket.connect(SocketAddr::new(target, 9)).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

/// Linux alone tells in files; elsewhere the default routes have to do.
fn interfaces() -> impl Iterator<Item = IpAddr> {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    let v4 = fib_trie(&read("/proc/net/fib_trie"));
    let v6 = if_inet6(&read("/proc/net/if_inet6"));
    v4.into_iter().map(IpAddr::V4).chain(v6.into_iter().map(IpAddr::V6))
}

/// In the routing trie, an address of the machine is a leaf with the line `/32 host LOCAL` below it.
fn fib_trie(text: &str) -> Vec<Ipv4Addr> {
    let mut leaf = None;
    let mut found = Vec::new();
    for line in text.lines().map(str::trim) {
        if let Some(address) = line.strip_prefix("|-- ") {
            leaf = address.parse().ok();
        } else if line == "/32 host LOCAL" {
            found.extend(leaf.filter(|leaf| !found.contains(leaf)));
        }
    }
    found
}

/// Each line: address, interface, prefix, scope, flags, name. The numbers are hexadecimal.
fn if_inet6(text: &str) -> Vec<Ipv6Addr> {
    const DEPRECATED: u32 = 0x20;
    const DUPLICATE: u32 = 0x08;
    const TENTATIVE: u32 = 0x40;
    let read = |line: &str| {
        let mut fields = line.split_whitespace();
        let address = u128::from_str_radix(fields.next()?, 16).ok()?;
        let flags = u32::from_str_radix(fields.nth(3)?, 16).ok()?;
        (flags & (DEPRECATED | DUPLICATE | TENTATIVE) == 0).then(|| Ipv6Addr::from_bits(address))
    };
    text.lines().filter_map(read).collect()
}

/// Link-local addresses mean nothing without an interface, which no candidate can name.
pub(super) fn usable(address: IpAddr) -> bool {
    let link_local = match address {
        IpAddr::V4(address) => address.is_link_local() || address.is_broadcast(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    !link_local && !address.is_unspecified() && !address.is_multicast()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_comes_last_and_every_address_once() {
        let found = local();
        assert!(found.len() <= MAX + 2);
        assert!(found.ends_with(&[Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]));
        for (index, address) in found.iter().enumerate() {
            assert!(!found[..index].contains(address), "{address} is there twice");
        }
    }

    #[test]
    fn addresses_are_told_from_routes_and_broadcasts() {
        let text = "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 0.0.0.0\n        /0 universe UNICAST\n     |-- 10.1.2.0\n        \
                    /24 link UNICAST\nLocal:\n     |-- 10.1.2.3\n        /32 host LOCAL\n     |-- 10.1.2.255\n        \
                    /32 link BROADCAST\n     +-- 127.0.0.0/8 2 0 2\n        |-- 127.0.0.0\n           /8 host LOCAL\n        \
                    |-- 127.0.0.1\n           /32 host LOCAL\n     |-- 10.1.2.3\n        /32 host LOCAL\n";
        assert_eq!(fib_trie(text), [Ipv4Addr::new(10, 1, 2, 3), Ipv4Addr::LOCALHOST]);
    }

    #[test]
    fn deprecated_and_tentative_addresses_are_left_out() {
        let text = "20010db8000000000000000000000007 02 40 00 80     eth0\n\
                    20010db8000000000000000000000008 02 40 00 20     eth0\n\
                    20010db8000000000000000000000009 02 40 00 40     eth0\n\
                    00000000000000000000000000000001 01 80 10 80       lo\nnonsense\n";
        assert_eq!(if_inet6(text), ["2001:db8::7".parse::<Ipv6Addr>().unwrap(), Ipv6Addr::LOCALHOST]);
    }

    #[test]
    fn link_local_addresses_are_of_no_use() {
        for address in ["169.254.1.1", "fe80::1", "0.0.0.0", "::", "224.0.0.1", "255.255.255.255"] {
            assert!(!usable(address.parse().unwrap()), "{address}");
        }
        for address in ["127.0.0.1", "192.168.1.4", "2001:db8::1", "fd00::1"] {
            assert!(usable(address.parse().unwrap()), "{address}");
        }
    }
}
