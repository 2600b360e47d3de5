#include "tests/support/ledger_inside.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { PEM_MAX = 65536, DEPTH_MAX = 8, PATH_CAP = 1024 };

/* Only what a journal knows can be judged: devices also keep certificates from elsewhere. */
static void check_ders(struct ledger *ledger, const char *path, struct cr_bytes rest)
{
    struct cr_cert cert;
    struct cr_bytes der;
    while (cr_cert_next(&der, &rest) == CR_OK) {
        if (cr_cert_parse(&cert, der) != CR_OK) {
            ledger_wrong(ledger, "%s holds something that is no certificate", path);
            break;
        }
        const struct ledger_cert *known = ledger_find(ledger, &cert.facts.serial);
        if (known == NULL || !known->issued) {
            continue;
        }
        ledger->result->certificates++;
        if (known->der.len != der.len || memcmp(known->der.data, der.data, der.len) != 0) {
            ledger_wrong(ledger, "I4: %s is not what the journal has", path);
        }
        if (known->voided) {
            ledger_wrong(ledger, "%s was voided, and yet a device has it", path);
        }
        if (strcmp(known->facts.device, cert.facts.device) != 0) {
            ledger_wrong(ledger, "I10: %s belongs to %s", path, known->facts.device);
        }
    }
}

/* PEM, or DER of one certificate after another. */
static void check_file(struct ledger *ledger, const char *path, bool pem)
{
    static uint8_t text[PEM_MAX];
    struct cr_blob ders;
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        return; /* a device may have just replaced it */
    }
    size_t len = fread(text, 1, sizeof text, file);
    (void)fclose(file);
    if (!pem) {
        check_ders(ledger, path, (struct cr_bytes){ text, len });
    } else if (cr_cert_from_pem(&ders, (struct cr_bytes){ text, len }) == CR_OK) { /* keys and requests are PEM too */
        check_ders(ledger, path, cr_blob_view(&ders));
        cr_blob_fini(&ders);
    }
}

static void check_below(struct ledger *ledger, const char *path, unsigned depth)
{
    DIR *dir = opendir(path);
    const struct dirent *entry;
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        char below[PATH_CAP];
        struct stat st;
        int len = snprintf(below, sizeof below, "%s/%s", path, entry->d_name);
        if (entry->d_name[0] == '.' || len < 0 || (size_t)len >= sizeof below || lstat(below, &st) != 0) {
            continue;
        }
        if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX) {
            check_below(ledger, below, depth + 1);
        } else if (S_ISREG(st.st_mode) && len > 4 && strcmp(below + len - 4, ".pem") == 0) {
            check_file(ledger, below, true);
        } else if (S_ISREG(st.st_mode) && strncmp(entry->d_name, "chain.", strlen("chain.")) == 0) {
            check_file(ledger, below, false); /* as the simulated devices store it */
        }
    }
    if (dir != NULL) {
        (void)closedir(dir);
    }
}

cr_err ledger_check_dir(struct ledger *ledger, const char *dir)
{
    struct stat st;
    if (stat(dir, &st) != 0 || !S_ISDIR(st.st_mode)) {
        ledger_wrong(ledger, "%s is no directory", dir);
        return CR_IO;
    }
    check_below(ledger, dir, 0);
    return CR_OK;
}
