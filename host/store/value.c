/*
 * The SDK: values of db.h, which are the same whatever the database.
 */
#include <string.h>

#include <aisha/db.h>

struct aisha_value aisha_value_int(int64_t integer)
{
    return (struct aisha_value){.type = AISHA_INT, .integer = integer};
}

struct aisha_value aisha_value_real(double real)
{
    return (struct aisha_value){.type = AISHA_REAL, .real = real};
}

struct aisha_value aisha_value_text(const char *text)
{
    if (!text)
        return (struct aisha_value){.type = AISHA_NULL};
    return (struct aisha_value){.type = AISHA_TEXT, .text = text, .size = strlen(text)};
}

struct aisha_value aisha_value_bytes(const void *bytes, size_t size)
{
    return (struct aisha_value){.type = AISHA_BYTES, .bytes = bytes, .size = size};
}

struct aisha_value aisha_value_self(struct aisha_value value)
{
    return value;
}

const struct aisha_value *aisha_cell(const struct aisha_rows *rows, size_t row, const char *column)
{
    static const struct aisha_value none = {.type = AISHA_NULL};

    for (size_t i = 0; row < rows->row_count && i < rows->column_count; i++)
        if (*rows->columns[i] == *column && strcmp(rows->columns[i], column) == 0)
            return &rows->values[row * rows->column_count + i];
    return &none;
}

int64_t aisha_cell_int(const struct aisha_rows *rows, size_t row, const char *column)
{
    const struct aisha_value *cell = aisha_cell(rows, row, column);

    if (cell->type == AISHA_REAL && cell->real > -9.2e18 && cell->real < 9.2e18)
        return (int64_t)cell->real;
    return cell->type == AISHA_INT ? cell->integer : 0;
}

const char *aisha_cell_text(const struct aisha_rows *rows, size_t row, const char *column)
{
    const struct aisha_value *cell = aisha_cell(rows, row, column);

    return cell->type == AISHA_TEXT ? cell->text : NULL;
}
