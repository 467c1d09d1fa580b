# SPDX-License-Identifier: Apache-2.0
# A head comment   
package   acme.risk["card present"]   # at the package


# above imports
import data.lists   # lists
import input.user as u
import data.a

import future.keywords   # keywords


# detached

# METADATA
# title: block
allow   { # opening
    # first
    input.amount <= 10000   # small


    # second
    not   blocked
    # last
} # closing


deny[reason] { input.amount>100000; reason:="too much" } # behind
deny[reason] {
  reason = sprintf("%v and %v", [  # why
     input.a,
     # own line
     input.b
  ]) # end
}
blocked { u.blocked } # one

{ u.frozen }   # chained

limits := {
   "low": 1, # one
   # between
   "high": 2
   # after the last
} # after
# tail
