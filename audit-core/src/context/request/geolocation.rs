//! Where on earth a client is, as content delivery networks say it in headers.

use std::borrow::Cow;

use super::text::{decoded, readable};
use super::view::RequestView;

/// Whose headers tell where a client is. Believe them only behind that network, since any client can send them.
///
/// Events get `geo_country`, `geo_region`, `geo_city`, `geo_continent`, `geo_latitude`, `geo_longitude`,
/// `geo_postal_code`, `geo_metro_code` and `geo_timezone`, as far as the network tells them.
///
/// ```
/// use audit_core::context::tower::{AuditLayer, Geolocation};
///
/// let layer = AuditLayer::new().geolocation(Geolocation::cloudflare());
/// let own = AuditLayer::new().geolocation(Geolocation::headers([("geo_country", "x-country")]));
/// # let _ = (layer, own);
/// ```
#[derive(Debug, Clone)]
pub struct Geolocation {
    /// Metadata keys and the headers that tell their values.
    headers: Cow<'static, [(&'static str, &'static str)]>,
    /// The values are percent-encoded.
    encoded: bool,
}

impl Geolocation {
    /// Cloudflare's managed transform "Add visitor location headers"; `cf-ipcountry` alone without it.
    #[must_use]
    pub const fn cloudflare() -> Self {
        Self::of(&[
            ("geo_country", "cf-ipcountry"),
            ("geo_region", "cf-region"),
            ("geo_city", "cf-ipcity"),
            ("geo_continent", "cf-ipcontinent"),
            ("geo_latitude", "cf-iplatitude"),
            ("geo_longitude", "cf-iplongitude"),
            ("geo_postal_code", "cf-postal-code"),
            ("geo_metro_code", "cf-metro-code"),
            ("geo_timezone", "cf-timezone"),
        ])
    }

    /// Amazon CloudFront's viewer location headers, which an origin request policy has to let through.
    #[must_use]
    pub const fn cloudfront() -> Self {
        Self::of(&[
            ("geo_country", "cloudfront-viewer-country"),
            ("geo_region", "cloudfront-viewer-country-region"),
            ("geo_city", "cloudfront-viewer-city"),
            ("geo_latitude", "cloudfront-viewer-latitude"),
            ("geo_longitude", "cloudfront-viewer-longitude"),
            ("geo_postal_code", "cloudfront-viewer-postal-code"),
            ("geo_metro_code", "cloudfront-viewer-metro-code"),
            ("geo_timezone", "cloudfront-viewer-time-zone"),
        ])
    }

    /// Fastly knows where a client is but sends no header of it by itself: set these in VCL, as in
    /// `set req.http.client-geo-country = client.geo.country_code;`.
    #[must_use]
    pub const fn fastly() -> Self {
        Self::of(&[
            ("geo_country", "client-geo-country"),
            ("geo_region", "client-geo-region"),
            ("geo_city", "client-geo-city"),
            ("geo_continent", "client-geo-continent"),
            ("geo_latitude", "client-geo-latitude"),
            ("geo_longitude", "client-geo-longitude"),
            ("geo_postal_code", "client-geo-postal-code"),
            ("geo_metro_code", "client-geo-metro-code"),
        ])
    }

    /// Vercel's request headers, whose values are percent-encoded.
    #[must_use]
    pub const fn vercel() -> Self {
        let mut headers = Self::of(&[
            ("geo_country", "x-vercel-ip-country"),
            ("geo_region", "x-vercel-ip-country-region"),
            ("geo_city", "x-vercel-ip-city"),
            ("geo_continent", "x-vercel-ip-continent"),
            ("geo_latitude", "x-vercel-ip-latitude"),
            ("geo_longitude", "x-vercel-ip-longitude"),
            ("geo_postal_code", "x-vercel-ip-postal-code"),
            ("geo_timezone", "x-vercel-ip-timezone"),
        ]);
        headers.encoded = true;
        headers
    }

    /// Google App Engine's request headers.
    #[must_use]
    pub const fn app_engine() -> Self {
        Self::of(&[
            ("geo_country", "x-appengine-country"),
            ("geo_region", "x-appengine-region"),
            ("geo_city", "x-appengine-city"),
            (LATITUDE_AND_LONGITUDE, "x-appengine-citylatlong"),
        ])
    }

    /// Headers of one's own: metadata keys and, for each, the header that tells it.
    #[must_use]
    pub fn headers(headers: impl IntoIterator<Item = (&'static str, &'static str)>) -> Self {
        Self { headers: headers.into_iter().collect(), encoded: false }
    }

    const fn of(headers: &'static [(&'static str, &'static str)]) -> Self {
        Self { headers: Cow::Borrowed(headers), encoded: false }
    }

    /// Hands each key and its value to `tell`.
    pub(crate) fn find(&self, request: &dyn RequestView, mut tell: impl FnMut(&'static str, &str)) {
        for &(key, header) in &*self.headers {
            let Some(value) = request.header(header).filter(|value| !value.is_empty()) else { continue };
            let value = readable(value);
            if key == LATITUDE_AND_LONGITUDE {
                if let Some((latitude, longitude)) = value.split_once(',') {
                    tell("geo_latitude", latitude);
                    tell("geo_longitude", longitude);
                }
            } else if self.encoded {
                tell(key, &decoded(&value));
            } else {
                tell(key, &value);
            }
        }
    }
}

/// Stands for both, in one header: `37.386051,-122.083851`.
const LATITUDE_AND_LONGITUDE: &str = "geo_latitude,geo_longitude";
