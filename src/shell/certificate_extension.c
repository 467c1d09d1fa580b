/* SPDX-License-Identifier: Apache-2.0 */
/* Extensions of certificates (RFC 5280, section 4.2): those that Go reads into fields. One that is
 * critical and not understood is named in UnhandledCriticalExtensions. */
#include "shell/certificate.h"
#include "shell/go_value.h"

struct extensions {
    struct wr_arena *arena;
    const char *fault;
    struct wr_go_list list, unhandled, usage, unknown_usage, ocsp, issuing;
    struct wr_go_list dns, email, ip, uri, uri_text;
    struct wr_go_list permitted[4], excluded[4]; /* by enum subtree */
    struct wr_go_list crl, policies;
    struct wr_value subject_key, authority_key;
    int64_t key_usage;
    int32_t max_path;
    bool basic, is_ca, max_path_zero, dns_critical;
};

enum subtree { SUBTREE_DNS, SUBTREE_IP, SUBTREE_EMAIL, SUBTREE_URI };

static bool is_ascii(struct wr_der d)
{
    for (size_t i = 0; i < d.n; i++) {
        if (d.p[i] >= 0x80) {
            return false;
        }
    }
    return true;
}

static bool key_usage(struct extensions *e, struct wr_der value)
{
    struct wr_der bits;
    e->fault = "x509: invalid key usage";
    if (!wr_der_take_bits(&value, false, &bits)) {
        return false;
    }
    for (unsigned i = 0; i < 9 && i / 8 < bits.n; i++) {
        e->key_usage |= (int64_t)(bits.p[i / 8] >> (7 - i % 8) & 1) << i;
    }
    return true;
}

static bool basic_constraints(struct extensions *e, struct wr_der value)
{
    struct wr_der list;
    e->fault = "x509: invalid basic constraints";
    e->max_path = -1;
    if (!wr_der_take(&value, WR_DER_SEQUENCE, &list) ||
        (list.n > 0 && list.p[0] == WR_DER_BOOLEAN && !wr_der_take_boolean(&list, &e->is_ca)) ||
        (list.n > 0 && list.p[0] == WR_DER_INTEGER && !wr_der_take_small(&list, &e->max_path))) {
        return false;
    }
    e->basic = true;
    e->max_path_zero = e->max_path == 0;
    return true;
}

/* GeneralNames: names of the four kinds that Go knows; *handled when there was one. */
static bool alternative_names(struct extensions *e, struct wr_der value, bool *handled)
{
    struct wr_der list, body;
    uint8_t tag;
    struct wr_value uri;
    *handled = false;
    e->fault = "x509: invalid subject alternative names";
    if (!wr_der_take(&value, WR_DER_SEQUENCE, &list)) {
        return false;
    }
    while (list.n > 0) {
        if (!wr_der_next(&list, &tag, &body, NULL)) {
            return false;
        }
        struct wr_str text = wr_der_str(body);
        bool named =
            tag == WR_DER_CONTEXT(1) || tag == WR_DER_CONTEXT(2) || tag == WR_DER_CONTEXT(6);
        if (named && !is_ascii(body)) {
            e->fault = "x509: a subject alternative name is malformed";
            return false;
        }
        *handled = *handled || named || tag == WR_DER_CONTEXT(7);
        switch (tag) {
        case WR_DER_CONTEXT(1):
            wr_go_add(e->arena, &e->email, wr_go_text(e->arena, text));
            break;
        case WR_DER_CONTEXT(2):
            wr_go_add(e->arena, &e->dns, wr_go_text(e->arena, text));
            break;
        case WR_DER_CONTEXT(6):
            e->fault = "x509: cannot parse URI";
            if (!wr_certificate_uri(e->arena, text, &uri)) {
                return false;
            }
            wr_go_add(e->arena, &e->uri, uri);
            wr_go_add(e->arena, &e->uri_text, wr_go_text(e->arena, text));
            break;
        case WR_DER_CONTEXT(7):
            e->fault = "x509: cannot parse IP address";
            if (body.n != 4 && body.n != 16) {
                return false;
            }
            wr_go_add(e->arena, &e->ip, wr_go_ip(e->arena, text));
            break;
        default:
            break;
        }
    }
    return true;
}

/* An address and its mask: ones, then zeros. */
static bool ip_range(struct extensions *e, struct wr_der body, struct wr_go_list *list)
{
    struct wr_go_object o = {0};
    size_t half = body.n / 2;
    unsigned zero = 0;
    if (body.n != 8 && body.n != 32) {
        return false;
    }
    for (size_t i = half * 8; i < body.n * 8; i++) {
        unsigned bit = body.p[i / 8] >> (7 - i % 8) & 1;
        if (bit && zero) {
            return false;
        }
        zero |= !bit;
    }
    wr_go_put(&o, "IP", wr_go_ip(e->arena, wr_str_of((const char *)body.p, half)));
    wr_go_put(&o, "Mask", wr_go_base64(e->arena, wr_str_of((const char *)body.p + half, half)));
    wr_go_add(e->arena, list, wr_go_end(e->arena, &o));
    return true;
}

/* A domain as a constraint has it: labels of visible ASCII between single points. */
static bool is_domain(struct wr_der d)
{
    for (size_t i = 0; i < d.n; i++) {
        bool point = d.p[i] == '.';
        if (d.p[i] < 33 || d.p[i] > 126 || (point && (i + 1 == d.n || d.p[i + 1] == '.'))) {
            return false;
        }
    }
    return true;
}

static bool subtrees(struct extensions *e, struct wr_der trees, struct wr_go_list *lists,
                     bool *unknown)
{
    struct wr_der tree, body;
    uint8_t tag;
    bool fits = true;
    while (trees.n > 0 && fits) {
        if (!wr_der_take(&trees, WR_DER_SEQUENCE, &tree) ||
            !wr_der_next(&tree, &tag, &body, NULL)) {
            return false;
        }
        struct wr_value text = wr_go_text(e->arena, wr_der_str(body));
        switch (tag) {
        case WR_DER_CONTEXT(1):
            fits = memchr(body.p, '@', body.n) != NULL ? is_ascii(body) : is_domain(body);
            wr_go_add(e->arena, &lists[SUBTREE_EMAIL], text);
            break;
        case WR_DER_CONTEXT(2):
            fits = is_domain(body);
            wr_go_add(e->arena, &lists[SUBTREE_DNS], text);
            break;
        case WR_DER_CONTEXT(6):
            fits = is_domain(body);
            wr_go_add(e->arena, &lists[SUBTREE_URI], text);
            break;
        case WR_DER_CONTEXT(7):
            fits = ip_range(e, body, &lists[SUBTREE_IP]);
            break;
        default:
            *unknown = true;
        }
    }
    return fits;
}

static bool name_constraints(struct extensions *e, struct wr_der value, bool critical,
                             bool *handled)
{
    struct wr_der list, permitted = {0}, excluded = {0};
    bool ok = true, unknown = false;
    e->fault = "x509: invalid NameConstraints extension";
    if (!wr_der_take(&value, WR_DER_SEQUENCE, &list)) {
        return false;
    }
    bool some = wr_der_maybe(&list, WR_DER_CONTEXT_TREE(0), &permitted, &ok);
    some = wr_der_maybe(&list, WR_DER_CONTEXT_TREE(1), &excluded, &ok) || some;
    e->dns_critical = critical;
    ok = ok && some && list.n == 0 && subtrees(e, permitted, e->permitted, &unknown) &&
         subtrees(e, excluded, e->excluded, &unknown);
    *handled = !unknown;
    return ok;
}

/* DistributionPoints: the URIs of their full names. */
static bool distribution_points(struct extensions *e, struct wr_der value)
{
    struct wr_der list, point, name, full, body;
    uint8_t tag;
    bool ok = true;
    e->fault = "x509: invalid CRL distribution point";
    if (!wr_der_take(&value, WR_DER_SEQUENCE, &list)) {
        return false;
    }
    while (list.n > 0 && ok) {
        if (!wr_der_take(&list, WR_DER_SEQUENCE, &point)) {
            return false;
        }
        if (!wr_der_maybe(&point, WR_DER_CONTEXT_TREE(0), &name, &ok) ||
            !wr_der_maybe(&name, WR_DER_CONTEXT_TREE(0), &full, &ok)) {
            continue;
        }
        while (full.n > 0 && wr_der_next(&full, &tag, &body, NULL)) {
            if (tag == WR_DER_CONTEXT(6)) {
                wr_go_add(e->arena, &e->crl, wr_go_text(e->arena, wr_der_str(body)));
            }
        }
        ok = full.n == 0;
    }
    return ok;
}

static bool authority_key(struct extensions *e, struct wr_der value)
{
    struct wr_der list, id;
    bool ok = true;
    e->fault = "x509: invalid authority key identifier";
    if (!wr_der_take(&value, WR_DER_SEQUENCE, &list)) {
        return false;
    }
    if (wr_der_maybe(&list, WR_DER_CONTEXT(0), &id, &ok)) {
        e->authority_key = wr_go_base64(e->arena, wr_der_str(id));
    }
    return ok;
}

static bool subject_key(struct extensions *e, struct wr_der value)
{
    struct wr_der id;
    e->fault = "x509: invalid subject key identifier";
    if (!wr_der_take(&value, WR_DER_OCTETS, &id)) {
        return false;
    }
    e->subject_key = wr_go_base64(e->arena, wr_der_str(id));
    return true;
}

static int usage_number(struct wr_der oid)
{
    static const char pkix[] = "\x2b\x06\x01\x05\x05\x07\x03";
    static const struct {
        const char *oid;
        uint8_t n, number;
    } rest[] = {
        {"\x55\x1d\x25\x00", 4, 0},
        {"\x2b\x06\x01\x04\x01\x82\x37\x0a\x03\x03", 10, 10},
        {"\x60\x86\x48\x01\x86\xf8\x42\x04\x01", 9, 11},
        {"\x2b\x06\x01\x04\x01\x82\x37\x02\x01\x16", 10, 12},
        {"\x2b\x06\x01\x04\x01\x82\x37\x3d\x01\x01", 10, 13},
    };
    if (oid.n == sizeof pkix && memcmp(oid.p, pkix, sizeof pkix - 1) == 0) {
        uint8_t last = oid.p[oid.n - 1];
        return last >= 1 && last <= 9 ? last : -1;
    }
    for (size_t i = 0; i < WR_COUNTOF(rest); i++) {
        if (wr_der_is(oid, rest[i].oid, rest[i].n)) {
            return rest[i].number;
        }
    }
    return -1;
}

static bool extended_usage(struct extensions *e, struct wr_der value)
{
    struct wr_der list, oid;
    e->fault = "x509: invalid extended key usages";
    if (!wr_der_take(&value, WR_DER_SEQUENCE, &list)) {
        return false;
    }
    while (list.n > 0) {
        if (!wr_der_take(&list, WR_DER_OID, &oid) || !wr_der_oid_valid(oid)) {
            return false;
        }
        int number = usage_number(oid);
        if (number >= 0) {
            wr_go_add(e->arena, &e->usage, wr_int(number));
        } else {
            wr_go_add(e->arena, &e->unknown_usage, wr_go_oid(e->arena, oid));
        }
    }
    return true;
}

static bool policies(struct extensions *e, struct wr_der value)
{
    struct wr_der list, policy, oid;
    e->fault = "x509: invalid certificate policies";
    if (!wr_der_take(&value, WR_DER_SEQUENCE, &list)) {
        return false;
    }
    while (list.n > 0) {
        if (!wr_der_take(&list, WR_DER_SEQUENCE, &policy) ||
            !wr_der_take(&policy, WR_DER_OID, &oid) || !wr_der_oid_valid(oid)) {
            return false;
        }
        wr_go_add(e->arena, &e->policies, wr_go_oid(e->arena, oid));
    }
    return true;
}

static bool authority_info(struct extensions *e, struct wr_der value)
{
    struct wr_der list, access, oid, body;
    uint8_t tag;
    e->fault = "x509: invalid authority info access";
    if (!wr_der_take(&value, WR_DER_SEQUENCE, &list)) {
        return false;
    }
    while (list.n > 0) {
        if (!wr_der_take(&list, WR_DER_SEQUENCE, &access) ||
            !wr_der_take(&access, WR_DER_OID, &oid) || !wr_der_oid_valid(oid) ||
            !wr_der_next(&access, &tag, &body, NULL)) {
            return false;
        }
        struct wr_value text = wr_go_text(e->arena, wr_der_str(body));
        if (tag == WR_DER_CONTEXT(6) && WR_DER_IS(oid, "\x2b\x06\x01\x05\x05\x07\x30\x01")) {
            wr_go_add(e->arena, &e->ocsp, text);
        } else if (tag == WR_DER_CONTEXT(6) && WR_DER_IS(oid, "\x2b\x06\x01\x05\x05\x07\x30\x02")) {
            wr_go_add(e->arena, &e->issuing, text);
        }
    }
    return true;
}

static bool one_meaning(struct extensions *e, struct wr_der oid, struct wr_der value, bool critical,
                        bool of_request, bool *handled)
{
    *handled = true;
    bool common = oid.n == 3 && oid.p[0] == 0x55 && oid.p[1] == 0x1d;
    if (common && oid.p[2] == 17) {
        return alternative_names(e, value, handled);
    }
    if (of_request) {
        return true;
    }
    if (WR_DER_IS(oid, "\x2b\x06\x01\x05\x05\x07\x01\x01")) {
        return authority_info(e, value);
    }
    switch (common ? oid.p[2] : 0) {
    case 14:
        return subject_key(e, value);
    case 15:
        return key_usage(e, value);
    case 19:
        return basic_constraints(e, value);
    case 30:
        return name_constraints(e, value, critical, handled);
    case 31:
        return distribution_points(e, value);
    case 32:
        return policies(e, value);
    case 35:
        return authority_key(e, value);
    case 37:
        return extended_usage(e, value);
    default:
        *handled = false;
        return true;
    }
}

static bool one_extension(struct extensions *e, struct wr_der extension, bool of_request)
{
    struct wr_der oid, value;
    struct wr_go_object o = {0};
    bool critical = false, handled;
    e->fault = "x509: malformed extension";
    if (!wr_der_take(&extension, WR_DER_OID, &oid) || !wr_der_oid_valid(oid) ||
        (extension.n > 0 && extension.p[0] == WR_DER_BOOLEAN &&
         !wr_der_take_boolean(&extension, &critical)) ||
        !wr_der_take(&extension, WR_DER_OCTETS, &value)) {
        return false;
    }
    wr_go_put(&o, "Id", wr_go_oid(e->arena, oid));
    wr_go_put(&o, "Critical", wr_bool(critical));
    wr_go_put(&o, "Value", wr_go_base64(e->arena, wr_der_str(value)));
    wr_go_add(e->arena, &e->list, wr_go_end(e->arena, &o));
    if (!one_meaning(e, oid, value, critical, of_request, &handled)) {
        return false;
    }
    if (critical && !handled) {
        wr_go_add(e->arena, &e->unhandled, wr_go_oid(e->arena, oid));
    }
    return true;
}

static void put_names(const struct extensions *e, struct wr_go_object *o)
{
    wr_go_put(o, "Extensions", wr_go_list_end(&e->list));
    wr_go_put(o, "ExtraExtensions", wr_null());
    wr_go_put(o, "DNSNames", wr_go_list_end(&e->dns));
    wr_go_put(o, "EmailAddresses", wr_go_list_end(&e->email));
    wr_go_put(o, "IPAddresses", wr_go_list_end(&e->ip));
    wr_go_put(o, "URIs", wr_go_list_end(&e->uri));
}

static void put_rest(const struct extensions *e, struct wr_go_object *o)
{
    static const char *const names[2][4] = {
        {"PermittedDNSDomains", "PermittedIPRanges", "PermittedEmailAddresses",
         "PermittedURIDomains"},
        {"ExcludedDNSDomains", "ExcludedIPRanges", "ExcludedEmailAddresses", "ExcludedURIDomains"},
    };
    for (size_t i = 0; i < 4; i++) {
        wr_go_put(o, names[0][i], wr_go_list_end(&e->permitted[i]));
        wr_go_put(o, names[1][i], wr_go_list_end(&e->excluded[i]));
    }
    wr_go_put(o, "URIStrings", wr_go_list_end(&e->uri_text));
    wr_go_put(o, "UnhandledCriticalExtensions", wr_go_list_end(&e->unhandled));
    wr_go_put(o, "KeyUsage", wr_int(e->key_usage));
    wr_go_put(o, "ExtKeyUsage", wr_go_list_end(&e->usage));
    wr_go_put(o, "UnknownExtKeyUsage", wr_go_list_end(&e->unknown_usage));
    wr_go_put(o, "BasicConstraintsValid", wr_bool(e->basic));
    wr_go_put(o, "IsCA", wr_bool(e->is_ca));
    wr_go_put(o, "MaxPathLen", wr_int(e->max_path));
    wr_go_put(o, "MaxPathLenZero", wr_bool(e->max_path_zero));
    wr_go_put(o, "SubjectKeyId", e->subject_key);
    wr_go_put(o, "AuthorityKeyId", e->authority_key);
    wr_go_put(o, "OCSPServer", wr_go_list_end(&e->ocsp));
    wr_go_put(o, "IssuingCertificateURL", wr_go_list_end(&e->issuing));
    wr_go_put(o, "PermittedDNSDomainsCritical", wr_bool(e->dns_critical));
    wr_go_put(o, "CRLDistributionPoints", wr_go_list_end(&e->crl));
    wr_go_put(o, "PolicyIdentifiers", wr_go_list_end(&e->policies));
}

bool wr_certificate_extensions(struct wr_arena *arena, struct wr_der list, bool present,
                               bool of_request, struct wr_go_object *o, const char **fault)
{
    struct extensions e = {.arena = arena, .subject_key = wr_null(), .authority_key = wr_null()};
    struct wr_der extension;
    while (present && list.n > 0) {
        e.fault = "x509: malformed extension";
        if (!wr_der_take(&list, WR_DER_SEQUENCE, &extension) ||
            !one_extension(&e, extension, of_request)) {
            *fault = e.fault;
            return false;
        }
    }
    put_names(&e, o);
    if (!of_request) {
        put_rest(&e, o);
    }
    return true;
}
