//! The methods that every integration has, since their meaning is the same for each framework.

/// Writes them. The type needs `fn settings(self, impl FnOnce(&mut Settings)) -> Self` and
/// `fn watching(self, impl FnOnce(&mut Watching)) -> Self`.
macro_rules! common_methods {
    () => {
        /// Who is believed about the client's address; nobody but the peer, unless told otherwise.
        #[must_use]
        pub fn client_address(self, believed: ClientAddress) -> Self {
            self.settings(|settings| settings.client_address = believed)
        }

        /// Believes what this header says about the client's address: [`ClientAddress::header`].
        #[must_use]
        pub fn location_from_header(self, name: impl Into<Cow<'static, str>>) -> Self {
            self.client_address(ClientAddress::header(name))
        }

        /// Whether events tell the user agent; they do.
        #[must_use]
        pub fn user_agent(self, told: bool) -> Self {
            self.settings(|settings| settings.user_agent = told)
        }

        /// Which header names the request, in place of `x-request-id`. A name is printable ASCII of at most 128 bytes; a
        /// request without one gets a name of its own.
        #[must_use]
        pub fn request_id_from_header(self, name: impl Into<Cow<'static, str>>) -> Self {
            self.settings(|settings| settings.request_id = Some(name.into()))
        }

        /// Does not name requests.
        #[must_use]
        pub fn without_request_id(self) -> Self {
            self.settings(|settings| settings.request_id = None)
        }

        /// Whether events tell the method, as `method`; they do not.
        #[must_use]
        pub fn method(self, told: bool) -> Self {
            self.settings(|settings| settings.method = told)
        }

        /// Whether events tell the route that matched, such as `/invoices/{id}`, as `route`; they do not.
        #[must_use]
        pub fn route(self, told: bool) -> Self {
            self.settings(|settings| settings.route = told)
        }

        /// Whether events tell the trace that a request belongs to, as `trace_id`; they do not. With the feature
        /// `opentelemetry` it is that of the current span of [`opentelemetry`](https://docs.rs/opentelemetry/0.33) 0.33, so
        /// the layer that opens spans goes around this one; else, and without a span, that of a `traceparent` header
        /// ([W3C Trace Context](https://www.w3.org/TR/trace-context/)).
        #[must_use]
        pub fn trace_id(self, told: bool) -> Self {
            self.settings(|settings| settings.trace_id = told)
        }

        /// Which parameters of the route events tell, each as `param_` and its name.
        #[must_use]
        pub fn route_parameters(self, names: impl Into<Names>) -> Self {
            self.settings(|settings| settings.route_parameters = names.into())
        }

        /// Which query parameters events tell, each as `query_` and its name; of one that comes several times, the first.
        #[must_use]
        pub fn query_parameters(self, names: impl Into<Names>) -> Self {
            self.settings(|settings| settings.query_parameters = names.into())
        }

        /// Which headers events tell, each as `header_` and its name with `_` for `-`; of one that has several lines, the
        /// first. The values of headers whose name [looks secret](crate::looks_secret) are redacted.
        #[must_use]
        pub fn headers<T: Into<String>>(self, names: impl IntoIterator<Item = T>) -> Self {
            let keyed = |name: T| {
                let name = name.into().to_ascii_lowercase();
                let key = format!("header_{}", name.replace('-', "_"));
                (name, key)
            };
            self.settings(|settings| settings.headers.extend(names.into_iter().map(keyed)))
        }

        /// Whose headers tell where on earth the client is; nobody's, unless told otherwise.
        #[must_use]
        pub fn geolocation(self, network: Geolocation) -> Self {
            self.settings(|settings| settings.geolocation = Some(network))
        }

        /// Takes the organization from a parameter of the route: `tenant_id` of `/tenants/{tenant_id}/invoices`. It comes
        /// before the actor's own in this context, and behind what an attribute says.
        #[must_use]
        pub fn organization_from_path(self, parameter: impl Into<Cow<'static, str>>) -> Self {
            self.settings(|settings| settings.organization_from_path = Some(parameter.into()))
        }

        /// Tells of requests that are turned away before an audited handler begins. Of several rules the first that fits
        /// counts.
        #[must_use]
        pub fn on_rejection(self, rule: impl Into<Rejection>) -> Self {
            self.watching(|watching| watching.rejections.push(rule.into()))
        }

        /// Does not count the changing requests that no event tells of: `POST`, `PUT`, `PATCH` and `DELETE`, unless they
        /// are answered with 4xx.
        #[must_use]
        pub fn without_coverage(self) -> Self {
            self.watching(|watching| watching.without_coverage = true)
        }
    };
}

pub(in crate::context) use common_methods;
