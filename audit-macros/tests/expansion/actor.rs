#[automatically_derived]
impl ::audited::AuditActor for Caller {
    const TYPE: &'static ::core::primitive::str = "caller";
    fn describe(&self, __writer: &mut ::audited::ActorWriter<'_>) {
        match self {
            Self::User { sub: __self_sub, org: __self_org, admin: __self_admin, .. } => {
                __writer.id(__self_sub);
                __writer.organization(__self_org);
                if let ::core::option::Option::Some(__someone) = __self_admin {
                    __writer.impersonated_by(__someone);
                }
            }
            Self::Key { 0: __self_0, .. } => {
                __writer.delegate(__self_0);
            }
            Self::System { .. } => {
                __writer.kind("system");
                __writer.id(&"scheduler");
            }
        }
    }
}
