//! URLs of services that are given credentials.

use url::{Host, Url};

/// Whether credentials may be sent there: over https, or over http to this machine.
#[must_use]
pub fn keeps_secrets(url: &Url) -> bool {
    let loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    url.scheme() == "https" || (url.scheme() == "http" && loopback)
}

/// Whether a host, as a URL spells it, is this machine.
#[must_use]
pub fn is_loopback(host: &str) -> bool {
    Url::parse(&format!("http://{host}")).is_ok_and(|url| keeps_secrets(&url))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_leaves_this_machine_never() {
        for (url, good) in [
            ("https://adb-1.azuredatabricks.net", true),
            ("http://localhost:8080", true),
            ("http://127.0.0.1:8080", true),
            ("http://[::1]:8080", true),
            ("http://10.0.0.1", false),
            ("http://localhost.example.com", false),
            ("ftp://localhost", false),
        ] {
            assert_eq!(keeps_secrets(&url.parse().unwrap()), good, "{url}");
        }
    }
}
