#pragma once

#include "admin/print/text.hpp"

#include <initializer_list>
#include <string>
#include <vector>

namespace switchyard::admin {

/// Rows of cells, aligned in columns with two spaces in between. The text must be printable.
class Table {
  public:
    struct Cell {
        std::string text;
        Paint paint = Paint::none;
    };

    /// One letter a column: 'l' left or 'r' right. `indent` is put before every row.
    explicit Table(std::string alignment, std::string indent = "")
        : alignment_(std::move(alignment)), indent_(std::move(indent)) {}

    void add(std::vector<Cell> cells) { rows_.push_back({std::move(cells), {}}); }

    /// A line of its own after the last row, not aligned.
    void note(std::string line) { rows_.push_back({{}, std::move(line)}); }

    /// Elides the cells of a column to this width.
    void limit(std::size_t column, std::size_t width);

    /// Every row ends with a newline; trailing spaces are dropped.
    [[nodiscard]] std::string text(const Screen& screen) const;

  private:
    struct Row {
        std::vector<Cell> cells;
        std::string note;
    };

    std::string alignment_;
    std::string indent_;
    std::vector<Row> rows_;
};

}  // namespace switchyard::admin
