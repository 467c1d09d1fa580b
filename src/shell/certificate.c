/* SPDX-License-Identifier: Apache-2.0 */
#include "shell/certificate.h"
#include "shell/go_value.h"

/* ── names ──────────────────────────────────────────────────────────────────────────────────── */

static bool utf16_text(struct wr_arena *arena, struct wr_der body, struct wr_value *out)
{
    struct wr_buf buf = wr_buf_in(arena, body.n * 2 + 4);
    if (body.n % 2 != 0) {
        return false;
    }
    if (body.n >= 2 && body.p[body.n - 2] == 0 && body.p[body.n - 1] == 0) {
        body.n -= 2; /* a terminator, as some write it */
    }
    for (size_t i = 0; i < body.n; i += 2) {
        uint32_t c = (uint32_t)body.p[i] << 8 | body.p[i + 1];
        char utf8[4];
        if (c >= 0xd800 && c < 0xdc00 && i + 3 < body.n && body.p[i + 2] >= 0xdc &&
            body.p[i + 2] < 0xe0) {
            i += 2;
            c = 0x10000 +
                ((c & 0x3ff) << 10 | (((uint32_t)body.p[i] << 8 | body.p[i + 1]) & 0x3ff));
        } else if (c >= 0xd800 && c < 0xe000) {
            c = 0xfffd;
        }
        wr_buf_add(&buf, utf8, wr_utf8_encode(c, utf8));
    }
    *out = buf.overflow ? wr_null() : wr_string(wr_buf_view(&buf));
    return true;
}

/* X.680's characters of PrintableString, and the two that are used in names all the same. */
static bool is_printable(struct wr_der body)
{
    static const char marks[] = " '()+,-./:=?*&";
    for (size_t i = 0; i < body.n; i++) {
        uint8_t c = body.p[i], letter = c | 0x20;
        if (!(c >= '0' && c <= '9') && !(letter >= 'a' && letter <= 'z') &&
            memchr(marks, c, sizeof marks - 1) == NULL) {
            return false;
        }
    }
    return true;
}

static bool is_numeric(struct wr_der body)
{
    for (size_t i = 0; i < body.n; i++) {
        if (body.p[i] != ' ' && (body.p[i] < '0' || body.p[i] > '9')) {
            return false;
        }
    }
    return true;
}

static bool name_text(struct wr_arena *arena, uint8_t tag, struct wr_der body, struct wr_value *out)
{
    switch (tag) {
    case WR_DER_BMP:
        return utf16_text(arena, body, out);
    case WR_DER_UTF8:
        if (wr_utf8_invalid_at((const char *)body.p, body.n) != body.n) {
            return false;
        }
        break;
    case WR_DER_PRINTABLE:
        if (!is_printable(body)) {
            return false;
        }
        break;
    case WR_DER_NUMERIC:
        if (!is_numeric(body)) {
            return false;
        }
        break;
    case WR_DER_IA5:
        for (size_t i = 0; i < body.n; i++) {
            if (body.p[i] >= 0x80) {
                return false;
            }
        }
        break;
    case WR_DER_T61:
        break;
    default:
        return false;
    }
    *out = wr_go_text(arena, wr_der_str(body));
    return true;
}

struct name {
    struct wr_go_list country, organization, unit, locality, province, street, postal, names;
    struct wr_value serial, common;
};

static struct wr_go_list *name_field(struct name *name, uint8_t arc)
{
    switch (arc) {
    case 6:
        return &name->country;
    case 7:
        return &name->locality;
    case 8:
        return &name->province;
    case 9:
        return &name->street;
    case 10:
        return &name->organization;
    case 11:
        return &name->unit;
    case 17:
        return &name->postal;
    default:
        return NULL;
    }
}

static bool name_attribute(struct wr_arena *arena, struct wr_der attribute, struct name *name)
{
    struct wr_der oid, body;
    struct wr_value text;
    struct wr_go_object o = {0};
    uint8_t tag;
    if (!wr_der_take(&attribute, WR_DER_OID, &oid) || !wr_der_oid_valid(oid) ||
        !wr_der_next(&attribute, &tag, &body, NULL) || !name_text(arena, tag, body, &text)) {
        return false;
    }
    wr_go_put(&o, "Type", wr_go_oid(arena, oid));
    wr_go_put(&o, "Value", text);
    wr_go_add(arena, &name->names, wr_go_end(arena, &o));
    if (oid.n != 3 || oid.p[0] != 0x55 || oid.p[1] != 4) {
        return true; /* not one of X.520's */
    }
    struct wr_go_list *list = name_field(name, oid.p[2]);
    if (list != NULL) {
        wr_go_add(arena, list, text);
    } else if (oid.p[2] == 3) {
        name->common = text;
    } else if (oid.p[2] == 5) {
        name->serial = text;
    }
    return true;
}

static bool read_name(struct wr_arena *arena, struct wr_der list, struct wr_value *out)
{
    struct wr_value none = wr_string(wr_str_of("", 0));
    struct name name = {.serial = none, .common = none};
    struct wr_go_object o = {0};
    while (list.n > 0) {
        struct wr_der set, attribute;
        if (!wr_der_take(&list, WR_DER_SET, &set)) {
            return false;
        }
        while (set.n > 0) {
            if (!wr_der_take(&set, WR_DER_SEQUENCE, &attribute) ||
                !name_attribute(arena, attribute, &name)) {
                return false;
            }
        }
    }
    wr_go_put(&o, "Country", wr_go_list_end(&name.country));
    wr_go_put(&o, "Organization", wr_go_list_end(&name.organization));
    wr_go_put(&o, "OrganizationalUnit", wr_go_list_end(&name.unit));
    wr_go_put(&o, "Locality", wr_go_list_end(&name.locality));
    wr_go_put(&o, "Province", wr_go_list_end(&name.province));
    wr_go_put(&o, "StreetAddress", wr_go_list_end(&name.street));
    wr_go_put(&o, "PostalCode", wr_go_list_end(&name.postal));
    wr_go_put(&o, "SerialNumber", name.serial);
    wr_go_put(&o, "CommonName", name.common);
    wr_go_put(&o, "Names", wr_go_list_end(&name.names));
    wr_go_put(&o, "ExtraNames", wr_null());
    *out = wr_go_end(arena, &o);
    return true;
}

/* ── times ──────────────────────────────────────────────────────────────────────────────────── */

static bool digits(const uint8_t *p, unsigned n, unsigned *value)
{
    *value = 0;
    for (unsigned i = 0; i < n; i++) {
        if (p[i] < '0' || p[i] > '9') {
            return false;
        }
        *value = *value * 10 + (unsigned)(p[i] - '0');
    }
    return true;
}

static unsigned days_of(unsigned year, unsigned month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}

/* "2009-03-25T16:49:29Z", with an offset where the certificate has one. */
static bool read_time(struct wr_arena *arena, struct wr_der *in, struct wr_value *out)
{
    uint8_t tag;
    struct wr_der body;
    unsigned t[6] = {0}, at = 0; /* year, month, day, hour, minute, second */
    struct wr_buf buf = wr_buf_in(arena, 32);
    if (!wr_der_next(in, &tag, &body, NULL) || (tag != WR_DER_UTC_TIME && tag != WR_DER_TIME)) {
        return false;
    }
    unsigned width = tag == WR_DER_TIME ? 4 : 2;
    for (unsigned i = 0; i < 6; i++, width = 2) {
        bool no_seconds = i == 5 && tag == WR_DER_UTC_TIME && at < body.n &&
                          (body.p[at] < '0' || body.p[at] > '9');
        if (no_seconds) {
            break;
        }
        if (at + width > body.n || !digits(body.p + at, width, &t[i])) {
            return false;
        }
        at += width;
    }
    t[0] += tag == WR_DER_TIME ? 0 : t[0] >= 50 ? 1900 : 2000;
    if (t[1] < 1 || t[1] > 12 || t[2] < 1 || t[2] > days_of(t[0], t[1]) || t[3] > 23 || t[4] > 59 ||
        t[5] > 59) {
        return false;
    }
    wr_format(&buf, "%04u-%02u-%02uT%02u:%02u:%02u", t[0], t[1], t[2], t[3], t[4], t[5]);
    if (at + 1 == body.n && body.p[at] == 'Z') {
        wr_buf_char(&buf, 'Z');
    } else {
        unsigned hour, minute;
        if (at + 5 != body.n || (body.p[at] != '+' && body.p[at] != '-') ||
            !digits(body.p + at + 1, 2, &hour) || !digits(body.p + at + 3, 2, &minute) ||
            hour > 23 || minute > 59 || hour + minute == 0) {
            return false;
        }
        wr_format(&buf, "%c%02u:%02u", body.p[at], hour, minute);
    }
    *out = wr_string(wr_buf_view(&buf));
    return true;
}

/* ── signature algorithms ───────────────────────────────────────────────────────────────────── */

#define OID_PKCS1 "\x2a\x86\x48\x86\xf7\x0d\x01\x01"
#define OID_MGF1  OID_PKCS1 "\x08"

/* RSASSA-PSS: only a hash used for both purposes and as long as the salt has a number in Go. */
static int pss_algorithm(struct wr_der params)
{
    static const char sha2[] = "\x60\x86\x48\x01\x65\x03\x04\x02"; /* 2.16.840.1.101.3.4.2 */
    struct wr_der list, box, id, hash, mgf, mgf_id, mgf_hash;
    int32_t salt;
    if (!wr_der_take(&params, WR_DER_SEQUENCE, &list) ||
        !wr_der_take(&list, WR_DER_CONTEXT_TREE(0), &box) ||
        !wr_der_take(&box, WR_DER_SEQUENCE, &id) || !wr_der_take(&id, WR_DER_OID, &hash) ||
        !wr_der_take(&list, WR_DER_CONTEXT_TREE(1), &box) ||
        !wr_der_take(&box, WR_DER_SEQUENCE, &mgf) || !wr_der_take(&mgf, WR_DER_OID, &mgf_id) ||
        !WR_DER_IS(mgf_id, OID_MGF1) || !wr_der_take(&mgf, WR_DER_SEQUENCE, &id) ||
        !wr_der_take(&id, WR_DER_OID, &mgf_hash) ||
        !wr_str_eq(wr_der_str(hash), wr_der_str(mgf_hash)) ||
        !wr_der_take(&list, WR_DER_CONTEXT_TREE(2), &box) || !wr_der_take_small(&box, &salt)) {
        return 0;
    }
    if (hash.n != sizeof sha2 || memcmp(hash.p, sha2, sizeof sha2 - 1) != 0) {
        return 0;
    }
    switch (hash.p[hash.n - 1]) {
    case 1:
        return salt == 32 ? 13 : 0;
    case 2:
        return salt == 48 ? 14 : 0;
    case 3:
        return salt == 64 ? 15 : 0;
    default:
        return 0;
    }
}

/* Go's x509.SignatureAlgorithm; 0 when it knows none. `id` is an AlgorithmIdentifier's content. */
static bool signature_algorithm(struct wr_der id, int *number)
{
    static const struct {
        const char *oid;
        uint8_t n, number;
    } table[] = {
        {OID_PKCS1 "\x02", 9, 1},
        {OID_PKCS1 "\x04", 9, 2},
        {OID_PKCS1 "\x05", 9, 3},
        {"\x2b\x0e\x03\x02\x1d", 5, 3},
        {OID_PKCS1 "\x0b", 9, 4},
        {OID_PKCS1 "\x0c", 9, 5},
        {OID_PKCS1 "\x0d", 9, 6},
        {"\x2a\x86\x48\xce\x38\x04\x03", 7, 7},
        {"\x60\x86\x48\x01\x65\x03\x04\x03\x02", 9, 8},
        {"\x2a\x86\x48\xce\x3d\x04\x01", 7, 9},
        {"\x2a\x86\x48\xce\x3d\x04\x03\x02", 8, 10},
        {"\x2a\x86\x48\xce\x3d\x04\x03\x03", 8, 11},
        {"\x2a\x86\x48\xce\x3d\x04\x03\x04", 8, 12},
        {"\x2b\x65\x70", 3, 16},
    };
    struct wr_der oid;
    *number = 0;
    if (!wr_der_take(&id, WR_DER_OID, &oid) || !wr_der_oid_valid(oid)) {
        return false;
    }
    if (WR_DER_IS(oid, OID_PKCS1 "\x0a")) {
        *number = pss_algorithm(id);
    }
    for (size_t i = 0; i < WR_COUNTOF(table); i++) {
        if (wr_der_is(oid, table[i].oid, table[i].n)) {
            *number = table[i].number;
        }
    }
    return true;
}

/* ── certificates ───────────────────────────────────────────────────────────────────────────── */

static void put_key(struct wr_arena *arena, struct wr_go_object *o, struct wr_der spki,
                    enum wr_key_algorithm algorithm, const struct wr_crypto_key *key)
{
    wr_go_put(o, "RawSubjectPublicKeyInfo", wr_go_base64(arena, wr_der_str(spki)));
    wr_go_put(o, "PublicKeyAlgorithm", wr_int(algorithm));
    wr_go_put(o, "PublicKey", wr_key_public_value(arena, spki, algorithm, key));
}

static bool put_name(struct wr_arena *arena, struct wr_go_object *o, struct wr_der *in,
                     const char *name, const char *raw_name)
{
    struct wr_der whole, list;
    struct wr_value value;
    if (!wr_der_take_whole(in, WR_DER_SEQUENCE, &whole)) {
        return false;
    }
    struct wr_der inner = whole;
    if (!wr_der_take(&inner, WR_DER_SEQUENCE, &list) || !read_name(arena, list, &value)) {
        return false;
    }
    wr_go_put(o, raw_name, wr_go_base64(arena, wr_der_str(whole)));
    wr_go_put(o, name, value);
    return true;
}

/* Version, serial number and the inner signature algorithm, which must equal the outer. */
static bool put_head(struct wr_arena *arena, struct wr_go_object *o, struct wr_der *tbs,
                     struct wr_der outer, int32_t *version, const char **fault)
{
    struct wr_der box, serial, inner;
    bool ok = true;
    int number;
    *version = 0;
    *fault = "x509: malformed version";
    if (wr_der_maybe(tbs, WR_DER_CONTEXT_TREE(0), &box, &ok) &&
        (!wr_der_take_small(&box, version) || box.n != 0)) {
        return false;
    }
    if (!ok || *version > 2) {
        *fault = "x509: invalid version";
        return false;
    }
    *fault = "x509: malformed serial number";
    if (!wr_der_take_integer(tbs, &serial)) {
        return false;
    }
    *fault = "x509: malformed signature algorithm identifier";
    if (!wr_der_take(tbs, WR_DER_SEQUENCE, &inner) || !signature_algorithm(inner, &number)) {
        return false;
    }
    *fault = "x509: inner and outer signature algorithm identifiers don't match";
    if (!wr_str_eq(wr_der_str(inner), wr_der_str(outer))) {
        return false;
    }
    wr_go_put(o, "Version", wr_int(*version + 1));
    wr_go_put(o, "SerialNumber", wr_go_signed(arena, serial));
    wr_go_put(o, "SignatureAlgorithm", wr_int(number));
    return true;
}

static bool put_validity(struct wr_arena *arena, struct wr_go_object *o, struct wr_der *tbs)
{
    struct wr_der validity;
    struct wr_value before, after;
    if (!wr_der_take(tbs, WR_DER_SEQUENCE, &validity) || !read_time(arena, &validity, &before) ||
        !read_time(arena, &validity, &after)) {
        return false;
    }
    wr_go_put(o, "NotBefore", before);
    wr_go_put(o, "NotAfter", after);
    return true;
}

static bool put_tail(struct wr_arena *arena, struct wr_go_object *o, struct wr_der tbs,
                     int32_t version, const char **fault)
{
    struct wr_der id, box, list = {0};
    bool ok = true, present = false;
    *fault = "x509: malformed issuerUniqueID";
    if (version > 0) {
        wr_der_maybe(&tbs, WR_DER_CONTEXT(1), &id, &ok);
        wr_der_maybe(&tbs, WR_DER_CONTEXT(2), &id, &ok);
    }
    if (version == 2 && ok) {
        *fault = "x509: malformed extensions";
        present = wr_der_maybe(&tbs, WR_DER_CONTEXT_TREE(3), &box, &ok);
        ok = ok && (!present || wr_der_take(&box, WR_DER_SEQUENCE, &list));
    }
    return ok && wr_certificate_extensions(arena, list, present, false, o, fault);
}

bool wr_certificate_read(struct wr_arena *arena, struct wr_der *in, struct wr_certificate *out,
                         const char **fault)
{
    struct wr_go_object o = {0};
    struct wr_der body, tbs_whole, tbs, outer, bits;
    int32_t version;
    *fault = "x509: malformed certificate";
    if (!wr_der_take_whole(in, WR_DER_SEQUENCE, &out->whole)) {
        return false;
    }
    struct wr_der inner = out->whole;
    if (!wr_der_take(&inner, WR_DER_SEQUENCE, &body)) {
        return false;
    }
    *fault = "x509: malformed tbs certificate";
    if (!wr_der_take_whole(&body, WR_DER_SEQUENCE, &tbs_whole)) {
        return false;
    }
    inner = tbs_whole;
    if (!wr_der_take(&inner, WR_DER_SEQUENCE, &tbs)) {
        return false;
    }
    *fault = "x509: malformed algorithm identifier";
    if (!wr_der_take(&body, WR_DER_SEQUENCE, &outer)) {
        return false;
    }
    *fault = "x509: malformed signature";
    if (!wr_der_take_bits(&body, true, &bits) ||
        !put_head(arena, &o, &tbs, outer, &version, fault)) {
        return false;
    }
    *fault = "x509: malformed issuer or subject";
    if (!put_name(arena, &o, &tbs, "Issuer", "RawIssuer") || !put_validity(arena, &o, &tbs) ||
        !put_name(arena, &o, &tbs, "Subject", "RawSubject")) {
        return false;
    }
    *fault = "x509: malformed spki";
    if (!wr_der_take_whole(&tbs, WR_DER_SEQUENCE, &out->spki) ||
        !wr_key_public(out->spki, &out->algorithm, &out->key, fault) ||
        !put_tail(arena, &o, tbs, version, fault)) {
        return false;
    }
    put_key(arena, &o, out->spki, out->algorithm, &out->key);
    wr_go_put(&o, "Raw", wr_go_base64(arena, wr_der_str(out->whole)));
    wr_go_put(&o, "RawTBSCertificate", wr_go_base64(arena, wr_der_str(tbs_whole)));
    wr_go_put(&o, "Signature", wr_go_base64(arena, wr_der_str(bits)));
    out->value = wr_go_end(arena, &o);
    return true;
}

/* ── requests ───────────────────────────────────────────────────────────────────────────────── */

/* An attribute whose values are lists of type and value, as Go shows it; others are left out. The
 * extension request is one of these; its extensions come back in *extensions. */
static void put_attribute(struct wr_arena *arena, struct wr_der attribute, struct wr_go_list *list,
                          struct wr_der *extensions, bool *has_extensions)
{
    struct wr_der oid, set, values, pair, type, body;
    struct wr_go_list outer = {0};
    struct wr_go_object o = {0};
    uint8_t tag;
    if (!wr_der_take(&attribute, WR_DER_OID, &oid) || !wr_der_oid_valid(oid) ||
        !wr_der_take(&attribute, WR_DER_SET, &set)) {
        return;
    }
    if (!*has_extensions && WR_DER_IS(oid, "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x0e")) {
        struct wr_der copy = set;
        *has_extensions = wr_der_take(&copy, WR_DER_SEQUENCE, extensions);
    }
    while (set.n > 0) {
        struct wr_go_list inner = {0};
        if (!wr_der_take(&set, WR_DER_SEQUENCE, &values)) {
            return;
        }
        while (values.n > 0) {
            struct wr_go_object p = {0};
            if (!wr_der_take(&values, WR_DER_SEQUENCE, &pair) ||
                !wr_der_take(&pair, WR_DER_OID, &type) || !wr_der_oid_valid(type) ||
                !wr_der_next(&pair, &tag, &body, NULL) || pair.n != 0) {
                return;
            }
            struct wr_value value = wr_null();
            if (!name_text(arena, tag, body, &value)) {
                value = wr_go_base64(arena, wr_der_str(body));
            }
            wr_go_put(&p, "Type", wr_go_oid(arena, type));
            wr_go_put(&p, "Value", value);
            wr_go_add(arena, &inner, wr_go_end(arena, &p));
        }
        wr_go_add(arena, &outer, wr_array(inner.items, inner.n));
    }
    wr_go_put(&o, "Type", wr_go_oid(arena, oid));
    wr_go_put(&o, "Value", wr_array(outer.items, outer.n));
    wr_go_add(arena, list, wr_go_end(arena, &o));
}

static bool put_attributes(struct wr_arena *arena, struct wr_go_object *o, struct wr_der tbs,
                           const char **fault)
{
    struct wr_der attributes = {0}, attribute, extensions = {0};
    struct wr_go_list list = {0};
    bool ok = true, present = false;
    *fault = "asn1: structure error: malformed attributes";
    wr_der_maybe(&tbs, WR_DER_CONTEXT_TREE(0), &attributes, &ok);
    while (ok && attributes.n > 0) {
        if (!wr_der_take(&attributes, WR_DER_SEQUENCE, &attribute)) {
            return false;
        }
        put_attribute(arena, attribute, &list, &extensions, &present);
    }
    wr_go_put(o, "Attributes", wr_go_list_end(&list));
    return ok && wr_certificate_extensions(arena, extensions, present, true, o, fault);
}

bool wr_certificate_request(struct wr_arena *arena, struct wr_der in, struct wr_value *out,
                            const char **fault)
{
    struct wr_go_object o = {0};
    struct wr_der body, tbs_whole, tbs, id, bits, spki;
    struct wr_crypto_key key;
    enum wr_key_algorithm algorithm;
    int32_t version;
    int number;
    *fault = "asn1: structure error: this is no certificate request";
    struct wr_der whole = in;
    if (!wr_der_take(&in, WR_DER_SEQUENCE, &body)) {
        return false;
    }
    if (in.n != 0) {
        *fault = "asn1: syntax error: trailing data";
        return false;
    }
    if (!wr_der_take_whole(&body, WR_DER_SEQUENCE, &tbs_whole)) {
        return false;
    }
    struct wr_der inner = tbs_whole;
    if (!wr_der_take(&inner, WR_DER_SEQUENCE, &tbs) || !wr_der_take(&body, WR_DER_SEQUENCE, &id) ||
        !signature_algorithm(id, &number) || !wr_der_take_bits(&body, true, &bits) ||
        !wr_der_take_small(&tbs, &version) || !put_name(arena, &o, &tbs, "Subject", "RawSubject") ||
        !wr_der_take_whole(&tbs, WR_DER_SEQUENCE, &spki) ||
        !wr_key_public(spki, &algorithm, &key, fault) || !put_attributes(arena, &o, tbs, fault)) {
        return false;
    }
    put_key(arena, &o, spki, algorithm, &key);
    wr_go_put(&o, "Version", wr_int(version));
    wr_go_put(&o, "Raw", wr_go_base64(arena, wr_der_str(whole)));
    wr_go_put(&o, "RawTBSCertificateRequest", wr_go_base64(arena, wr_der_str(tbs_whole)));
    wr_go_put(&o, "SignatureAlgorithm", wr_int(number));
    wr_go_put(&o, "Signature", wr_go_base64(arena, wr_der_str(bits)));
    *out = wr_go_end(arena, &o);
    return true;
}
