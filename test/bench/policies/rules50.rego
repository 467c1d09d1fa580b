# SPDX-License-Identifier: Apache-2.0
package risk

import future.keywords.in

default allow = false
default deny = false

reasons[r] {
    startswith(input.device.user_agent, "python-requests/")
    input.user.age_days < 853
    r := {"id": "R0000_pre", "w": 20}
}

reasons[r] {
    some h in input.history
    h.status == "declined"
    h.amount > 2025
    r := {"id": "R0001_iter", "w": 18}
}

reasons[r] {
    input.merchant.id in data.lists.watch_merchants
    input.transaction.amount > 3547
    r := {"id": "R0002_mem", "w": 17}
}

reasons[r] {
    count([h | h := input.history[_]; h.amount > 4191]) >= 10
    r := {"id": "R0003_cnt", "w": 10}
}

reasons[r] {
    some i
    input.history[i].amount > 12550
    input.history[i].country != input.location.country
    r := {"id": "R0004_iter", "w": 17}
}

reasons[r] {
    input.merchant.mcc in {"4511", "5411", "5912", "7995"}
    input.transaction.amount > 5628
    r := {"id": "R0005_mem", "w": 14}
}

reasons[r] {
    count({c | c := input.history[_].country}) > 6
    r := {"id": "R0006_cnt", "w": 18}
}

reasons[r] {
    input.merchant.mcc in {"4511", "5541", "5812", "5999"}
    input.transaction.amount > 6917
    r := {"id": "R0007_mem", "w": 5}
}

reasons[r] {
    input.velocity.count_1h <= 16
    input.user.age_days > 1296
    r := {"id": "R0008_thr", "w": 3}
}

reasons[r] {
    input.device.age_days < 542
    input.velocity.count_1h < 37
    r := {"id": "R0009_thr", "w": 13}
}

reasons[r] {
    input.user.failed_logins > 7
    input.transaction.amount < 1790
    r := {"id": "R0010_thr", "w": 1}
}

reasons[r] {
    input.location.country in {"ID", "PH", "PK", "US", "VN"}
    input.transaction.amount > 7056
    r := {"id": "R0011_mem", "w": 12}
}

reasons[r] {
    startswith(input.device.user_agent, "Java/1.")
    input.user.age_days < 191
    r := {"id": "R0012_pre", "w": 10}
}

reasons[r] {
    input.user.age_days <= 403
    input.transaction.amount > 467
    input.transaction.type == "card"
    r := {"id": "R0013_thr", "w": 5}
}

reasons[r] {
    some i
    input.history[i].amount > 10690
    input.history[i].country != input.location.country
    r := {"id": "R0014_iter", "w": 12}
}

reasons[r] {
    input.transaction.amount >= 16489
    input.user.credit_score > 646
    r := {"id": "R0015_thr", "w": 10}
}

reasons[r] {
    input.transaction.amount >= 16289
    input.velocity.count_1h < 23
    r := {"id": "R0016_thr", "w": 8}
}

reasons[r] {
    input.transaction.amount < 11089
    input.velocity.count_1h < 3
    input.transaction.type == "crypto"
    r := {"id": "R0017_thr", "w": 10}
}

reasons[r] {
    input.user.age_days > 645
    input.user.failed_logins < 12
    r := {"id": "R0018_thr", "w": 17}
}

reasons[r] {
    input.user.credit_score > 636
    input.transaction.amount > 3588
    r := {"id": "R0019_thr", "w": 16}
}

reasons[r] {
    input.user.failed_logins < 5
    input.velocity.amount_24h > 51373
    input.transaction.type == "wire"
    r := {"id": "R0020_thr", "w": 19}
}

reasons[r] {
    input.merchant.mcc in {"5411", "5912", "6011", "6051"}
    input.transaction.amount > 7624
    r := {"id": "R0021_mem", "w": 18}
}

reasons[r] {
    input.merchant.id in data.lists.watch_merchants
    input.transaction.amount > 1563
    r := {"id": "R0022_mem", "w": 8}
}

reasons[r] {
    startswith(input.device.user_agent, "okhttp/")
    input.user.age_days < 1493
    r := {"id": "R0023_pre", "w": 13}
}

reasons[r] {
    input.transaction.amount < 18472
    input.user.credit_score > 691
    r := {"id": "R0024_thr", "w": 8}
}

reasons[r] {
    count({c | c := input.history[_].country}) > 4
    r := {"id": "R0025_cnt", "w": 18}
}

reasons[r] {
    input.location.country in {"FR", "MX", "NG", "VN", "ZA"}
    input.transaction.amount > 1424
    r := {"id": "R0026_mem", "w": 11}
}

reasons[r] {
    input.device.age_days > 237
    input.user.credit_score < 497
    r := {"id": "R0027_thr", "w": 15}
}

reasons[r] {
    input.user.credit_score >= 809
    input.transaction.amount < 1085
    r := {"id": "R0028_thr", "w": 3}
}

reasons[r] {
    startswith(input.device.user_agent, "python-requests/")
    input.user.age_days < 1451
    r := {"id": "R0029_pre", "w": 15}
}

reasons[r] {
    input.user.credit_score < 722
    input.velocity.count_1h > 11
    r := {"id": "R0030_thr", "w": 13}
}

reasons[r] {
    count([h | h := input.history[_]; h.amount > 945]) >= 3
    r := {"id": "R0031_cnt", "w": 12}
}

reasons[r] {
    input.velocity.amount_24h > 2921
    input.device.age_days < 610
    r := {"id": "R0032_thr", "w": 4}
}

reasons[r] {
    input.user.failed_logins <= 4
    input.device.age_days > 811
    r := {"id": "R0033_thr", "w": 8}
}

reasons[r] {
    input.user.age_days > 971
    input.device.age_days < 543
    r := {"id": "R0034_thr", "w": 13}
}

reasons[r] {
    input.merchant.id in data.lists.watch_merchants
    input.transaction.amount > 4377
    r := {"id": "R0035_mem", "w": 5}
}

reasons[r] {
    input.user.age_days > 1085
    input.user.credit_score < 546
    input.transaction.type == "ach"
    r := {"id": "R0036_thr", "w": 11}
}

reasons[r] {
    some t in input.tags
    t == "new_device"
    r := {"id": "R0037_iter", "w": 10}
}

reasons[r] {
    startswith(input.user.email, "admin")
    input.user.age_days < 229
    r := {"id": "R0038_pre", "w": 3}
}

reasons[r] {
    input.velocity.count_24h <= 53
    input.device.age_days > 439
    input.transaction.type == "wallet"
    r := {"id": "R0039_thr", "w": 10}
}

reasons[r] {
    startswith(input.user.email, "a")
    input.user.age_days < 1350
    r := {"id": "R0040_pre", "w": 11}
}

reasons[r] {
    input.transaction.amount < 8145
    input.user.age_days > 1066
    r := {"id": "R0041_thr", "w": 12}
}

reasons[r] {
    input.device.age_days > 513
    input.velocity.count_1h < 22
    r := {"id": "R0042_thr", "w": 20}
}

reasons[r] {
    data.lists.blocked_bins[input.card.bin]
    input.transaction.amount > 3759
    r := {"id": "R0043_mem", "w": 10}
}

reasons[r] {
    input.user.failed_logins >= 3
    input.velocity.count_1h < 26
    r := {"id": "R0044_thr", "w": 15}
}

reasons[r] {
    some h in input.history
    h.status == "declined"
    h.amount > 5486
    r := {"id": "R0045_iter", "w": 9}
}

reasons[r] {
    input.velocity.count_24h <= 84
    input.transaction.amount < 11342
    r := {"id": "R0046_thr", "w": 4}
}

reasons[r] {
    input.transaction.amount < 15051
    input.user.credit_score < 678
    r := {"id": "R0047_thr", "w": 6}
}

reasons[r] {
    some t in input.tags
    t == "gift_card"
    r := {"id": "R0048_iter", "w": 16}
}

reasons[r] {
    data.lists.blocked_bins[input.card.bin]
    input.transaction.amount > 1682
    r := {"id": "R0049_mem", "w": 1}
}

score := sum([x.w | x := reasons[_]])

deny {
    score > 200
}

deny {
    data.lists.sanctioned[input.location.country]
}

allow {
    not deny
    input.user.credit_score >= 500
}

decision = "deny" {
    deny
} else = "review" {
    score > 50
} else = "allow" {
    allow
}
