/* SPDX-License-Identifier: Apache-2.0 */
/* weir serve in a process where OpenSSL was used before the node could count its memory. */
#include "check.h"
#include "app/commands.h"
#include "port/port_linux.h"
#include "shell/tls.h"

#include <openssl/crypto.h>
#include <unistd.h>

/* What the command says on standard error, and its exit code. */
static int serve(const char *folder, char *said, size_t cap)
{
    char name[] = "serve", *argv[] = {name, NULL};
    setenv("WEIR_LISTEN", "tls:127.0.0.1:0", 1);
    setenv("WEIR_TLS_CERT", "/nowhere.pem", 1);
    setenv("WEIR_TLS_KEY", "/nowhere.pem", 1);
    setenv("WEIR_STATE", folder, 1);
    FILE *aside = tmpfile();
    int before = dup(STDERR_FILENO);
    CHECK(aside != NULL && before >= 0);
    dup2(fileno(aside), STDERR_FILENO);
    int code = wr_command_run(&wr_command_serve, 1, argv);
    dup2(before, STDERR_FILENO);
    close(before);
    rewind(aside);
    said[fread(said, 1, cap - 1, aside)] = '\0';
    fclose(aside);
    return code;
}

TEST("where OpenSSL's memory cannot be counted, a tls: address is refused with what to do")
{
    char folder[] = "/tmp/weir-serve-XXXXXX", said[2048], all[64];
    CHECK(mkdtemp(folder) != NULL);
    CHECK_INT(serve(folder, said, sizeof said), WR_EXIT_FAILED);
    CHECK(strstr(said, "weir serve: tls: unsupported: OpenSSL was used before") != NULL);
    CHECK(strstr(said, "start without the library that uses it first (LD_PRELOAD)") != NULL);
    CHECK(strstr(said, "\n  remedy: ") != NULL);
    snprintf(all, sizeof all, "rm -r %s", folder);
    CHECK_INT(system(all), 0);
}

TEST("connections outwards hold nothing for clients, and are made all the same")
{
    struct wr_port port;
    struct wr_port_linux *native;
    struct wr_tls *tls;
    struct wr_error error;
    CHECK_INT(wr_port_linux_open(&port, &native), WR_IO_OK);
    const struct wr_tls_config config = {.peer_ca = "/nowhere.pem"};
    CHECK_INT(wr_tls_open(&port, &config, &tls, &error), WR_E_CONFIG); /* gets as far as the file */
    wr_port_linux_close(native);
}

int main(int argc, char **argv)
{
    OPENSSL_free(OPENSSL_malloc(1));
    return check_main(argc, argv);
}
