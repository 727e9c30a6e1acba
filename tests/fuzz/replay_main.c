// Runs the inputs of a corpus, given as files and folders, through a fuzz program.
#include "fuzz/fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static void die(const char *path)
{
    perror(path);
    exit(1);
}

// The buffer is exactly as long as the input, so that AddressSanitizer sees a read beyond it.
static void run_file(const char *path, size_t size)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        die(path);
    uint8_t *data = malloc(size ? size : 1);
    if (!data || fread(data, 1, size, file) != size)
        die(path);
    fclose(file);
    LLVMFuzzerTestOneInput(data, size);
    free(data);
}

// Returns the number of inputs run.
static unsigned run_path(const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0)
        die(path);
    if (S_ISREG(st.st_mode)) {
        run_file(path, (size_t)st.st_size);
        return 1;
    }
    DIR *dir = opendir(path);
    if (!dir)
        die(path);
    unsigned count = 0;
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (entry->d_name[0] == '.')
            continue;
        char *child = NULL;
        if (asprintf(&child, "%s/%s", path, entry->d_name) < 0)
            die(path);
        count += run_path(child);
        free(child);
    }
    closedir(dir);
    return count;
}

int main(int argc, char **argv)
{
    unsigned count = 0;
    for (int i = 1; i < argc; i++)
        count += run_path(argv[i]);
    printf("%u inputs\n", count);
    return count > 0 ? 0 : 1;
}
